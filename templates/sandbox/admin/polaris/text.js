// Words: headings, paragraphs, text, badges, banners, lists, pictures.

const textTones = `
:host([tone=info]) { color: #00527c; } :host([tone=success]) { color: #0c5132; } :host([tone=caution]) { color: #4f4700; }
:host([tone=warning]) { color: #5e4200; } :host([tone=critical]) { color: #8e0b21; } :host([tone=neutral]) { color: #616161; }
:host([color=subdued]) { color: #616161; } :host([fontvariantnumeric=tabular-nums]), :host([font-variant-numeric=tabular-nums]) { font-variant-numeric: tabular-nums; }`;
const textNames = ["tone", "color", "dir", "accessibilityVisibility", "fontVariantNumeric", "lineClamp", "interestFor"];

function clamp(text) {
  const lines = Number(text.text("lineClamp"));
  text.own.replaceSync(lines > 0 ? `:host { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: ${lines}; overflow: hidden; }` : "");
  if (text.text("accessibilityVisibility") === "hidden") text.setAttribute("aria-hidden", "true");
}
const onlyHeard = `:host([accessibilityvisibility=exclusive]), :host([accessibility-visibility=exclusive]) { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }`;

define("s-heading", class extends Component {
  static css = sheet(`:host { display: block; } h2, h3, h4, h5, h6 { font-size: 14px; font-weight: 650; line-height: 20px; } .deep { font-size: 13px; } ${onlyHeard}`);

  update() {
    const level = Math.min(depth(this) + 2, 6);
    const plain = ["presentation", "none"].includes(this.text("accessibilityRole"));
    this.shadowRoot.replaceChildren(h(plain ? "p" : `h${level}`, { class: level > 3 ? "deep" : "" }, h("slot")));
    clamp(this);
  }
}, { texts: ["accessibilityRole", "accessibilityVisibility", "lineClamp"] });

define("s-paragraph", class extends Component {
  static css = sheet(`:host { display: block; } p { line-height: 20px; text-wrap: pretty; } ${textTones} ${onlyHeard}`);
  build(root) { root.append(h("p", {}, h("slot"))); }
  update() { clamp(this); }
}, { texts: textNames });

const kinds = { strong: "strong", emphasis: "em", mark: "mark", redundant: "s", small: "small", offset: "i", address: "span" };
define("s-text", class extends Component {
  static css = sheet(`:host { display: inline; } strong { font-weight: 650; } small { font-size: 12px; line-height: 16px; } mark { background: #ffe799; } ${textTones} ${onlyHeard}`);
  update() {
    this.shadowRoot.replaceChildren(h(kinds[this.text("type")] ?? "span", {}, h("slot")));
    clamp(this);
    if (this.text("display") === "none") this.own.replaceSync(":host { display: none; }");
  }
}, { texts: [...textNames, "type", "display"] });

define("s-badge", class extends Component {
  static css = sheet(`${iconCss}
:host { display: inline-flex; align-items: center; gap: 2px; padding: 2px 8px; border-radius: 8px; background: #ebebeb; color: #4a4a4a; font-size: 12px; font-weight: 550; line-height: 16px; white-space: nowrap; vertical-align: middle; }
:host([tone=info]) { background: #d5ebff; color: #003a5a; } :host([tone=success]) { background: #cdfee1; color: #0c5132; }
:host([tone=caution]) { background: #fff8db; color: #4f4700; } :host([tone=warning]) { background: #ffe7c2; color: #5e4200; } :host([tone=critical]) { background: #fedad9; color: #8e0b21; }
:host([color=strong]) { background: #4a4a4a; color: #fff; } :host([color=strong][tone=success]) { background: #047b5d; } :host([color=strong][tone=critical]) { background: #c70a24; }`);
  update() { this.shadowRoot.replaceChildren(...(this.text("icon") ? [icon(this.text("icon"), 16)] : []), h("slot")); }
}, { texts: ["tone", "color", "icon", "size", "iconPosition"] });

const bannerIcons = { info: "info", success: "check-circle", caution: "alert-circle", warning: "alert-triangle", critical: "alert-circle", neutral: "info" };
define("s-banner", class extends Component {
  static extra = ["hidden"];
  static css = sheet(`${iconCss}
:host { display: block; }
.banner { overflow: hidden; border-radius: 12px; background: #fff; box-shadow: 0 0 0 1px rgb(0 0 0 / 8%), 0 1px 2px rgb(0 0 0 / 10%); }
.head, .body { display: flex; gap: 8px; padding: 12px; }
.head { align-items: flex-start; background: var(--ground); color: var(--ink); font-weight: 650; }
.title { flex: 1; line-height: 20px; }
.body { flex-direction: column; gap: 12px; }
.none .head { float: left; background: none; padding-right: 0; }
.none .body { display: flow-root; }
.none.dismissible .body { padding-right: 44px; }
.acts { display: flex; flex-wrap: wrap; gap: 8px; }
button { display: grid; place-items: center; width: 28px; height: 28px; margin: -4px; padding: 0; border: 0; border-radius: 8px; background: none; color: inherit; cursor: pointer; }
button:hover { background: rgb(0 0 0 / 8%); }
.none button { position: absolute; right: 12px; top: 12px; color: #4a4a4a; }
.none { position: relative; }`);

  build(root) {
    this.head = h("div", { class: "head" });
    this.acts = h("slot", { name: "secondary-actions" });
    const acts = h("div", { class: "acts", hidden: true }, h("slot", { name: "primary-action" }), this.acts);
    const content = h("slot");
    this.body = h("div", { class: "body" }, h("div", {}, content), acts);
    this.frame = h("div", { class: "banner" }, this.head, this.body);
    root.append(this.frame);
    const look = () => {
      acts.hidden = [...acts.children].every((slot) => slot.assignedElements().length === 0);
      this.body.hidden = acts.hidden && !content.assignedNodes().some((node) => node.localName || node.textContent.trim());
    };
    root.addEventListener("slotchange", look);
    look();
  }

  dismiss() {
    this.dispatchEvent(new Event("dismiss"));
    this.hidden = true;
    this.dispatchEvent(new Event("afterhide"));
  }

  update() {
    const tone = bannerIcons[this.text("tone")] ? this.text("tone") : "info";
    const colors = { info: ["#91d0ff", "#002133"], success: ["#29845a", "#fff"], caution: ["#ffe600", "#332e00"], warning: ["#ffb800", "#251a00"], critical: ["#c70a24", "#fff"], neutral: ["#ebebeb", "#303030"] }[tone];
    const heading = this.text("heading");
    this.own.replaceSync(`:host { --ground: ${colors[0]}; --ink: ${heading ? colors[1] : tones[tone]}; }`);
    this.frame.setAttribute("role", tone === "critical" ? "alert" : "status");
    this.frame.classList.toggle("none", !heading);
    this.frame.classList.toggle("dismissible", this.flag("dismissible"));
    const close = h("button", { type: "button", "aria-label": "Dismiss", onclick: () => this.dismiss() }, icon("x"));
    this.head.replaceChildren(icon(bannerIcons[tone]), ...(heading ? [h("p", { class: "title" }, heading)] : []), ...(this.flag("dismissible") ? [close] : []));
  }
}, { texts: ["heading", "tone"], flags: ["dismissible", "collapsible"] });

plain("s-unordered-list", ":host { display: block; padding-left: 20px; list-style: disc; }", {}, "list");
plain("s-ordered-list", ":host { display: block; padding-left: 20px; list-style: decimal; }", {}, "list");
plain("s-list-item", ":host { display: list-item; line-height: 20px; } :host(:not(:first-of-type)) { margin-top: 4px; }", {}, "listitem");

define("s-spinner", class extends Component {
  static css = sheet(`:host { display: inline-block; width: 20px; height: 20px; } :host([size^=large]) { width: 44px; height: 44px; }
div { width: 100%; height: 100%; border: 2.5px solid #d4d4d4; border-top-color: #303030; border-radius: 50%; }
@media (prefers-reduced-motion: no-preference) { div { animation: turn 0.8s linear infinite; } } @keyframes turn { to { transform: rotate(1turn); } }`);
  update() { this.shadowRoot.replaceChildren(h("div", { role: "img", "aria-label": this.text("accessibilityLabel") || "Loading" })); }
}, { texts: ["size", "accessibilityLabel"] });

class Picture extends Component {
  static css = sheet(":host { display: block; } img { display: block; max-width: 100%; width: 100%; height: auto; border-radius: inherit; } :host([inlinesize=auto]) img, :host([inline-size=auto]) img { width: auto; }");
  build(root) { root.append(this.image = h("img", { alt: "" })); }
  update() {
    this.image.alt = this.text("alt");
    for (const name of ["src", "loading", "sizes", "srcset"]) {
      const value = this.text(name === "srcset" ? "srcSet" : name);
      if (value && this.image.getAttribute(name) !== value) this.image.setAttribute(name, value);
    }
    const ratio = this.text("aspectRatio").replace(/[^\d./ ]/g, "");
    this.own.replaceSync(boxCss(this) + (ratio ? `img { aspect-ratio: ${ratio}; object-fit: ${word(this.text("objectFit")) || "contain"}; }` : ""));
  }
}
define("s-image", Picture, { texts: [...boxTexts, "src", "alt", "loading", "srcSet", "sizes", "aspectRatio", "objectFit"] });
define("s-thumbnail", class extends Picture {
  static css = sheet(":host { display: block; width: 40px; height: 40px; overflow: hidden; border: 1px solid #e3e3e3; border-radius: 8px; background: #fff; } :host([size^=large]) { width: 60px; height: 60px; } :host([size^=small]) { width: 28px; height: 28px; } img { width: 100%; height: 100%; object-fit: contain; }");
}, { texts: ["src", "alt", "size"] });
plain("s-empty-state", ":host { display: block; padding: 32px 16px; text-align: center; }", { texts: ["heading"] });
plain("s-chip", ":host { display: inline-flex; padding: 2px 10px; border-radius: 8px; background: #ebebeb; font-size: 12px; line-height: 20px; }", { texts: ["color", "accessibilityLabel"] });
