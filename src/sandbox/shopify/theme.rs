//! The shop's theme with the app's block on its pages, rendered from the very Liquid of the theme app extension.
//!
//! Of Liquid it knows what the block uses; of Shopify's own additions the filters `t`, `asset_url` and `handleize`. What a merchant
//! would choose in the theme editor is [`CHOSEN`]; the rest is as the block's schema has it.

use std::sync::LazyLock;

use liquid::model::Value;
use liquid::partials::{EagerCompiler, InMemorySource};
use liquid::{Object, Template};
use liquid_core::{Display_filter, Filter, FilterReflection, ParseFilter, Result, Runtime, ValueView};

use crate::sandbox::data::RETAILERS;

macro_rules! extension {
    ($name:literal) => {
        include_str!(concat!("../../../extensions/subtotal-connect-theme/", $name))
    };
}

/// The extension's one script, for `/assets/subtotal-connect.js`.
pub(super) const COMPONENT: &str = extension!("assets/subtotal-connect.js");
const BLOCK: &str = extension!("blocks/link-accounts.liquid");
const WORDS: &str = extension!("locales/en.default.json");
const SNIPPETS: [(&str, &str); 2] = [
    ("subtotal-connect", extension!("snippets/subtotal-connect.liquid")),
    ("subtotal-connect-style", extension!("snippets/subtotal-connect-style.liquid")),
];
const SCHEMA: &str = "{% schema %}";
const COMPILED_IN: &str = "the extension's files are compiled in, and a test renders them";

/// What Larkmeadow chose in the theme editor.
const CHOSEN: [(&str, &str); 6] = [
    (
        "text",
        "<p>Bought Larkmeadow at the supermarket? Link the shops you use and every bag earns Seeds, wherever you paid \
         for it.</p><ul><li>10 Seeds a bag, found automatically</li><li>We never see your retailer password</li>\
         <li>Disconnect whenever you like</li></ul>",
    ),
    ("layout", "grid"),
    ("dark_media", "(prefers-color-scheme: dark)"),
    ("radius", "16"),
    ("redirect_url", "#link-accounts"),
    (
        "custom_css",
        "subtotal-connect { --subtotal-button: var(--brand); --subtotal-button-text: var(--on-brand); \
         --subtotal-border: var(--line); --subtotal-card: var(--page); } \
         subtotal-connect::part(button) { font-weight: 600; } subtotal-connect::part(button):hover { opacity: .85; }",
    ),
];

static TEMPLATE: LazyLock<Template> = LazyLock::new(|| {
    let mut snippets = EagerCompiler::<InMemorySource>::empty();
    SNIPPETS.iter().for_each(|(name, text)| {
        snippets.add(*name, *text);
    });
    let parser = liquid::ParserBuilder::with_stdlib()
        .filter(Translate)
        .filter(AssetUrl)
        .filter(Handleize)
        .partials(snippets)
        .build();
    let (markup, _) = BLOCK.split_once(SCHEMA).expect(COMPILED_IN);
    parser.and_then(|parser| parser.parse(markup)).expect(COMPILED_IN)
});

/// The block as a page holds it.
pub(super) fn block(signed_in: bool) -> String {
    render(&settings(), signed_in)
}

fn render(settings: &Object, signed_in: bool) -> String {
    let globals = liquid::object!({
        "block": { "id": "larkmeadow", "shopify_attributes": "", "settings": settings },
        "customer": signed_in,
        "request": { "design_mode": false },
    });
    TEMPLATE.render(&globals).expect(COMPILED_IN)
}

/// Every setting of the block's schema. One without a default is empty, as in Shopify.
fn settings() -> Object {
    let (_, rest) = BLOCK.split_once(SCHEMA).expect(COMPILED_IN);
    let (schema, _) = rest.split_once("{% endschema %}").expect(COMPILED_IN);
    let schema: serde_json::Value = serde_json::from_str(schema).expect(COMPILED_IN);
    let known = schema["settings"].as_array().expect(COMPILED_IN);
    let mut settings = Object::new();
    for setting in known.iter().filter(|setting| setting["id"].is_string()) {
        let default = match &setting["default"] {
            serde_json::Value::String(text) => Value::scalar(text.clone()),
            serde_json::Value::Number(number) => Value::scalar(number.as_i64().unwrap_or_default()),
            _ => Value::scalar(""),
        };
        settings.insert(setting["id"].as_str().unwrap_or_default().to_owned().into(), default);
    }
    for (name, value) in CHOSEN {
        settings.insert(name.into(), Value::scalar(value));
    }
    let shopping: Vec<_> = RETAILERS.iter().map(|retailer| format!("{0} /at/{0}", retailer.retailer_id)).collect();
    settings.insert("purchase_links".into(), Value::scalar(shopping.join("\n")));
    settings.insert("placeholders".into(), Value::scalar(8));
    settings
}

#[derive(Clone, ParseFilter, FilterReflection)]
#[filter(name = "t", description = "A text of the locale, by its key.", parsed(TranslateFilter))]
struct Translate;

#[derive(Debug, Default, Display_filter)]
#[name = "t"]
struct TranslateFilter;

impl Filter for TranslateFilter {
    fn evaluate(&self, input: &dyn ValueView, _: &dyn Runtime) -> Result<Value> {
        let words: serde_json::Value = serde_json::from_str(WORDS).expect(COMPILED_IN);
        let key = format!("/{}", input.to_kstr().replace('.', "/"));
        let word = words.pointer(&key).and_then(serde_json::Value::as_str);
        word.map(|word| Value::scalar(word.to_owned())).ok_or_else(|| liquid::Error::with_msg("no such translation"))
    }
}

#[derive(Clone, ParseFilter, FilterReflection)]
#[filter(name = "asset_url", description = "Where an asset is served.", parsed(AssetUrlFilter))]
struct AssetUrl;

#[derive(Debug, Default, Display_filter)]
#[name = "asset_url"]
struct AssetUrlFilter;

impl Filter for AssetUrlFilter {
    fn evaluate(&self, input: &dyn ValueView, _: &dyn Runtime) -> Result<Value> {
        Ok(Value::scalar(format!("/assets/{}", input.to_kstr())))
    }
}

#[derive(Clone, ParseFilter, FilterReflection)]
#[filter(name = "handleize", description = "Small letters and digits, with dashes between.", parsed(HandleizeFilter))]
struct Handleize;

#[derive(Debug, Default, Display_filter)]
#[name = "handleize"]
struct HandleizeFilter;

impl Filter for HandleizeFilter {
    fn evaluate(&self, input: &dyn ValueView, _: &dyn Runtime) -> Result<Value> {
        let text = input.to_kstr().to_lowercase();
        let words =
            text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(|word| !word.is_empty());
        Ok(Value::scalar(words.collect::<Vec<_>>().join("-")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_merchant_types_stays_in_its_attribute_its_text_or_the_style() {
        let mut settings = settings();
        let hostile = "\"><script>alert(1)</script>";
        for name in ["heading", "base_path", "retailers", "redirect_url", "text_link", "text_purchase"] {
            settings.insert(name.into(), Value::scalar(hostile));
        }
        settings.insert("custom_css".into(), Value::scalar("</style><<//style><script>alert(1)</script>"));
        let links = "walmart\tonfocus https://a.example/\ntarget/onclick alert(1)\ncostco \"onload=\"x";
        settings.insert("purchase_links".into(), Value::scalar(links));
        let html = render(&settings, true);
        let (_, body) = html.split_once("</style>").unwrap();
        assert!(!body.contains("<script>") && !body.contains("</style"), "{html}");
        for (safe, unsafe_one) in [
            ("purchase-walmart-onfocus=\"https://a.example/\"", "\tonfocus"),
            ("purchase-target-onclick=\"alert(1)\"", "/onclick"),
            ("purchase-costco=\"&quot;onload=&quot;x\"", "\"onload"),
        ] {
            assert!(html.contains(safe) && !html.contains(unsafe_one), "{safe}\n{html}");
        }
    }

    #[test]
    fn the_block_is_rendered_from_the_extensions_liquid() {
        let html = block(true);
        for part in [
            "<h2>Link your accounts</h2>",
            "layout=\"grid\"",
            "placeholders=\"8\"",
            "base-path=\"/apps/subtotal\"",
            "purchase-walmart=\"/at/walmart\"",
            "<script type=\"module\" src=\"/assets/subtotal-connect.js\">",
            "#subtotal-connect-larkmeadow subtotal-connect {",
            "--subtotal-radius: 16px;",
            "Turn on JavaScript",
        ] {
            assert!(html.contains(part), "{part} is missing:\n{html}");
        }
        assert!(!html.contains("{%") && !html.contains("{{") && !html.contains("schema"), "{html}");
        assert!(block(false).contains("placeholders=\"1\""));
    }
}
