// The elements of customer accounts that the profile block is made of. Their colours are the shop's, as Shopify's are.

const accountsFocus = ":focus-visible { outline: 3px solid var(--brand); outline-offset: 2px; }";

define("s-section", class extends Component {
  static css = sheet(`:host { display: block; min-width: 0; }
section { display: grid; grid-template-columns: minmax(0, 1fr); gap: 20px; padding: 24px; border: 1px solid var(--line); border-radius: 12px; background: var(--surface); }
h2 { font-size: 1.0625rem; font-weight: 600; line-height: 1.3; }
@media (max-width: 480px) { section { padding: 20px 16px; } }`);

  build(root) {
    this.title_ = h("h2", { id: "title" });
    root.append(h("section", { "aria-labelledby": "title" }, this.title_, h("slot")));
  }

  update() { this.title_.textContent = this.text("heading"); }
}, { texts: ["heading"] });

define("s-text", class extends Component {
  static css = sheet(":host { min-width: 0; overflow-wrap: anywhere; } strong { font-weight: 600; }");
  update() { this.shadowRoot.replaceChildren(h(this.text("type") === "strong" ? "strong" : "span", {}, h("slot"))); }
}, { texts: ["type"] });

define("s-paragraph", class extends Component {
  static css = sheet(":host { display: block; overflow-wrap: anywhere; }");
  build(root) { root.append(h("p", {}, h("slot"))); }
});

plain("s-divider", ":host { display: block; height: 1px; background: var(--line); }", {}, "separator");
plain("s-badge", ":host { padding: 2px 10px; border-radius: 999px; background: var(--tint); color: var(--brand); font-size: 0.875rem; font-weight: 500; white-space: nowrap; }");

define("s-image", class extends Component {
  static css = sheet(":host { display: block; } img { display: block; width: 100%; height: auto; border-radius: 6px; }");
  build(root) { root.append(this.image = h("img", { alt: "" })); }
  update() {
    this.image.alt = this.text("alt");
    if (this.image.getAttribute("src") !== this.text("src")) this.image.src = this.text("src");
  }
}, { texts: ["src", "alt"] });

define("s-banner", class extends Component {
  static css = sheet(":host { display: block; padding: 12px 16px; border-inline-start: 4px solid var(--warm); border-radius: 8px; background: var(--tint); }");
  connectedCallback() {
    this.setAttribute("role", ["warning", "critical"].includes(this.text("tone")) ? "alert" : "status");
    super.connectedCallback();
  }
}, { texts: ["tone"] });

define("s-skeleton-paragraph", class extends Component {
  static css = sheet(`:host { display: grid; gap: 16px; } div { height: 44px; border-radius: 8px; background: var(--tint); }
@media (prefers-reduced-motion: no-preference) { div { animation: fade 1.2s infinite alternate; } } @keyframes fade { to { opacity: 0.4; } }`);
  build(root) { root.append(h("span", { class: "unseen" }, "Loading"), h("div"), h("div"), h("div")); }
});

// A link where there is an href, else a button. Busy, it keeps the focus and does nothing.
define("s-button", class extends Component {
  static focuses = true;
  static css = sheet(`${accountsFocus}
:host { display: inline-flex; max-width: 100%; }
.press { display: inline-flex; align-items: center; justify-content: center; gap: 8px; min-height: 44px; padding: 8px 18px; border: 1px solid var(--edge); border-radius: 8px; background: none; color: var(--ink); font-weight: 500; line-height: 1.25; text-align: center; text-decoration: none; overflow-wrap: anywhere; cursor: pointer; }
.press:hover { background: var(--tint); }
:host([variant=primary]) .press { border-color: transparent; background: var(--brand); color: var(--on-brand); }
:host([variant=primary]) .press:hover { background: var(--brand-deep); }
.press[aria-disabled] { cursor: progress; }
.spin { flex: none; width: 16px; height: 16px; border: 2px solid; border-top-color: transparent; border-radius: 50%; }
@media (prefers-reduced-motion: no-preference) { .spin { animation: turn 0.8s linear infinite; } } @keyframes turn { to { transform: rotate(1turn); } }`);

  build(root) {
    // Before the extension's own listener, which stands on the element itself.
    root.addEventListener("click", (event) => { if (this.flag("loading")) event.stopImmediatePropagation(); });
    this.addEventListener("click", () => command(this));
  }

  click() { this.pressable.click(); }

  update() {
    const href = this.text("href");
    const tag = href ? "a" : "button";
    if (this.pressable?.localName !== tag) {
      this.spin = h("span", { class: "spin", hidden: true });
      this.pressable = h(tag, { class: "press", type: href ? null : "button" }, this.spin, h("slot"));
      this.shadowRoot.replaceChildren(this.pressable);
    }
    const set = (name, value) => (value ? this.pressable.setAttribute(name, value) : this.pressable.removeAttribute(name));
    set("href", href);
    set("target", href && this.text("target"));
    set("rel", this.text("target") === "_blank" && "noopener");
    set("aria-label", this.text("accessibilityLabel"));
    set("aria-haspopup", this.text("command") === "--show" && "dialog");
    set("aria-disabled", this.flag("loading") && "true");
    this.spin.hidden = !this.flag("loading");
  }
}, { texts: ["href", "target", "variant", "accessibilityLabel", "command", "commandFor"], flags: ["loading"] });
