// Buttons, links, and what they command.

// What an activation of `source` does to the element its `commandFor` names.
function command(source) {
  const target = source.text("commandFor") && source.getRootNode().getElementById?.(source.text("commandFor"));
  if (!target) return;
  const verb = source.text("command") || "--auto";
  if (verb === "--copy") {
    navigator.clipboard?.writeText(target.getAttribute("text") ?? target.value ?? target.textContent);
    return;
  }
  const name = { "--show": "showOverlay", "--hide": "hideOverlay", "--toggle": "toggleOverlay", "--auto": "toggleOverlay" }[verb];
  target.returnFocusTo = source;
  target[name]?.();
}

const pressTexts = ["accessibilityLabel", "command", "commandFor", "interestFor", "href", "target", "download", "type", "lang"];

// Something to press: a link where there is an href, else a button.
class Press extends Component {
  static formAssociated = true;
  static focuses = true;
  #internals = this.attachInternals();

  get form() { return this.#internals.form; }

  click() { this.pressable?.click(); }

  content() { return [h("slot")]; }

  // The node is kept while it stays what it is, so focus survives a change of its looks.
  update() {
    const href = this.text("href");
    const tag = href ? "a" : "button";
    if (this.pressable?.localName !== tag) {
      this.pressable = h(tag, { class: "press", onclick: (event) => this.pressed(event) });
      if (tag === "button") this.pressable.type = "button";
      this.shadowRoot.replaceChildren(this.pressable);
    }
    const off = this.flag("disabled") || this.flag("loading");
    if (href) {
      for (const name of ["href", "target", "download"]) {
        if (this.hasAttribute(name)) this.pressable.setAttribute(name, this.text(name));
        else this.pressable.removeAttribute(name);
      }
      if (this.text("target") === "_blank") this.pressable.rel = "noopener";
      if (off) this.pressable.removeAttribute("href");
    } else {
      this.pressable.disabled = off;
      const opens = this.text("commandFor") && !["--hide", "--copy"].includes(this.text("command"));
      this.pressable.toggleAttribute("aria-haspopup", false);
      if (opens) this.pressable.setAttribute("aria-haspopup", "dialog");
    }
    this.pressable.setAttribute("aria-busy", String(this.flag("loading")));
    const label = this.text("accessibilityLabel");
    if (label) this.pressable.setAttribute("aria-label", label);
    else this.pressable.removeAttribute("aria-label");
    this.pressable.replaceChildren(...this.content());
  }

  // After the listeners of the page, which may have prevented it.
  pressed(event) {
    queueMicrotask(() => {
      if (event.defaultPrevented) return;
      command(this);
      const type = this.text("type");
      if (this.text("href") || !this.form) return;
      if (type === "submit") this.form.requestSubmit();
      if (type === "reset") this.form.reset();
    });
  }
}

define("s-button", class extends Press {
  static css = sheet(`${iconCss}
:host { display: inline-flex; max-width: 100%; vertical-align: middle; }
:host([inlinesize=fill]), :host([inline-size=fill]) { display: flex; }
.press { position: relative; display: inline-flex; flex: 1; align-items: center; justify-content: center; gap: 4px; min-height: 28px; padding: 4px 12px; border: 0; border-radius: 8px; background: #fff; color: #303030;
  box-shadow: inset 0 0 0 1px #b5b5b5, 0 1px 0 rgb(0 0 0 / 6%); font-size: 12px; font-weight: 600; line-height: 16px; text-align: center; text-decoration: none; cursor: pointer; }
.press:hover { background: #f5f5f5; } .press:active { background: #ebebeb; }
:host([variant=primary]) .press { background: #303030; color: #fff; box-shadow: inset 0 0 0 1px #1a1a1a, 0 1px 0 rgb(0 0 0 / 20%); }
:host([variant=primary]) .press:hover { background: #1a1a1a; }
:host([variant=tertiary]) .press { background: none; box-shadow: none; } :host([variant=tertiary]) .press:hover { background: rgb(0 0 0 / 6%); }
:host([tone=critical]) .press { color: #8e0b21; } :host([variant=primary][tone=critical]) .press { background: #c70a24; color: #fff; box-shadow: inset 0 0 0 1px #a30a24; } :host([variant=primary][tone=critical]) .press:hover { background: #a30a24; }
.press:disabled, .press:not([href]):is(a), :host([disabled]) .press { background: #ebebeb !important; color: #616161 !important; box-shadow: none !important; cursor: default; }
:host([variant=primary]) .press[aria-busy=true] { background: #d4d4d4 !important; }
.spin { width: 14px; height: 14px; border: 2px solid #b5b5b5; border-top-color: #303030; border-radius: 50%; }
@media (prefers-reduced-motion: no-preference) { .spin { animation: turn 0.8s linear infinite; } } @keyframes turn { to { transform: rotate(1turn); } }
@media (pointer: coarse), (max-width: 480px) { .press { min-height: 36px; font-size: 14px; line-height: 20px; } }`);

  content() {
    const type = this.text("icon");
    return [...(this.flag("loading") ? [h("span", { class: "spin" })] : type ? [icon(type, 16)] : []), h("slot")];
  }
}, { texts: [...pressTexts, "variant", "tone", "icon", "inlineSize"], flags: ["disabled", "loading"] });

define("s-link", class extends Press {
  static css = sheet(`:host { display: inline; } .press { display: inline; padding: 0; border: 0; background: none; color: #005bd3; text-decoration: underline; text-underline-offset: 2px; text-align: left; border-radius: 4px; cursor: pointer; }
.press:hover { color: #004299; } :host([tone=neutral]) .press { color: inherit; } :host([tone=critical]) .press { color: #8e0b21; }`);
}, { texts: [...pressTexts, "tone"], flags: ["disabled", "loading"] });

define("s-clickable", class extends Press {
  static css = sheet(":host { display: block; border-radius: 8px; } .press { display: block; width: 100%; padding: 0; border: 0; border-radius: inherit; background: none; color: inherit; text-align: start; text-decoration: none; cursor: pointer; } .press:hover { background: rgb(0 0 0 / 4%); } .press:disabled { cursor: default; color: #616161; }");
  update() {
    super.update();
    // The padding is the pressed part's, so that all of it can be pressed.
    this.own.replaceSync(boxCss(this).replaceAll(":host {", ":host .press {"));
  }
}, { texts: [...pressTexts, ...boxTexts], flags: ["disabled", "loading"] });

plain("s-button-group", ":host { display: flex; flex-wrap: wrap; align-items: center; gap: 8px; } :host([gap=none]) { gap: 0; }", { texts: ["gap", "accessibilityLabel"] }, "group");
plain("s-app-nav", ":host { display: none; }");

define("s-clipboard-item", class extends Component {
  static css = sheet(":host { display: none; }");
}, { texts: ["text"] });
