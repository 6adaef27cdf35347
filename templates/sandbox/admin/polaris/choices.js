// Fields to choose with: check boxes, switches, lists of choices, selects.

const checkCss = `${fieldCss}
.row { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 0 8px; align-items: start; }
.row .label { margin: 0; cursor: pointer; } .row .details, .row .error { grid-column: 2; margin-top: 0; }
input[type=checkbox], input[type=radio] { flex: none; width: 16px; height: 16px; margin: 2px 0; accent-color: #303030; cursor: pointer; }
input:disabled { cursor: default; }
@media (max-width: 480px) { .row { padding-block: 4px; } input[type=checkbox], input[type=radio] { width: 20px; height: 20px; margin: 0; } }`;

class Check extends Control {
  static css = sheet(checkCss);
  touched = false;

  build(root) {
    this.input = h("input", { type: "checkbox", id: "control" });
    root.append(surround(this, this.input));
    this.around.className = "field row";
    this.around.prepend(this.input);
    this.input.addEventListener("input", () => { this.touched = true; this.hold(); });
    this.input.addEventListener("change", () => this.changed());
  }

  hold() { this.internals.setFormValue(this.input.checked ? this.value : null); }

  get value() { return this.getAttribute("value") ?? "on"; }
  set value(value) { this.setAttribute("value", value); }
  get checked() { return this.input.checked; }
  set checked(on) {
    this.touched = true;
    this.input.checked = Boolean(on);
    this.hold();
  }
  get defaultChecked() { return this.flag("checked") || this.flag("defaultChecked"); }
  set defaultChecked(on) { this.toggleAttribute("checked", Boolean(on)); }
  get indeterminate() { return this.input.indeterminate; }
  set indeterminate(on) { this.input.indeterminate = Boolean(on); }

  click() { this.input.click(); }

  formResetCallback() {
    this.touched = false;
    this.update();
  }

  update() {
    say(this, this.input);
    if (!this.touched) this.input.checked = this.defaultChecked;
    this.input.disabled = this.flag("disabled");
    this.input.setAttribute("aria-required", String(this.flag("required")));
    if (this.constructor.role) { this.input.setAttribute("role", "switch"); this.input.removeAttribute("aria-required"); }
    this.hold();
  }
}
const checkTexts = ["label", "labelAccessibilityVisibility", "accessibilityLabel", "details", "error", "name", "command", "commandFor"];
Check.extra = ["value", "checked", "defaultchecked", "default-checked"];
define("s-checkbox", class extends Check {}, { texts: checkTexts, flags: ["required", "disabled"] });

define("s-switch", class extends Check {
  static role = "switch";
  static css = sheet(`${checkCss}
input[type=checkbox] { appearance: none; position: relative; width: 32px; height: 20px; margin: 0; border-radius: 10px; background: #8a8a8a; }
input[type=checkbox]::before { content: ""; position: absolute; top: 3px; left: 3px; width: 14px; height: 14px; border-radius: 50%; background: #fff; }
input[type=checkbox]:checked { background: #303030; } input[type=checkbox]:checked::before { left: 15px; }
input[type=checkbox]:disabled { background: #cccccc; }
@media (prefers-reduced-motion: no-preference) { input[type=checkbox]::before { transition: left 0.12s; } }
@media (max-width: 480px) { input[type=checkbox] { width: 40px; height: 24px; border-radius: 12px; } input[type=checkbox]::before { width: 18px; height: 18px; } input[type=checkbox]:checked::before { left: 19px; } }`);
}, { texts: checkTexts, flags: ["required", "disabled"] });

// One of a list: only data, the list draws it.
define("s-choice", class extends Component {
  static extra = ["selected", "disabled", "value"];
  build() {}
  get value() { return this.text("value"); }
  set value(value) { this.setAttribute("value", value); }
  get selected() { return this.list?.values.includes(this.value) ?? this.flag("selected"); }
  set selected(on) {
    if (this.list) this.list.values = on ? [...(this.list.flag("multiple") ? this.list.values : []), this.value] : this.list.values.filter((value) => value !== this.value);
    else this.toggleAttribute("selected", Boolean(on));
  }
  get list() { return this.closest("s-choice-list"); }
}, { texts: ["accessibilityLabel", "details"], flags: ["disabled", "defaultSelected"] });

define("s-choice-list", class extends Control {
  static focuses = false;
  static extra = ["values", "value"];
  static css = sheet(`${checkCss} fieldset { margin: 0; padding: 0; border: 0; min-width: 0; } legend { padding: 0; } .choices { display: grid; gap: 8px; } .choices .details { display: block; }`);
  touched = false;

  build(root) {
    this.legend = h("legend", { class: "label" });
    this.choices = h("div", { class: "choices" });
    this.error_ = h("p", { class: "error", id: "error" });
    this.details_ = h("p", { class: "details", id: "details" });
    this.set = h("fieldset", {}, this.legend, this.choices, this.error_, this.details_);
    root.append(this.set);
    this.group = fresh("choice");
    const watch = new MutationObserver(() => this.update());
    watch.observe(this, { childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ["value", "selected", "disabled", "slot"] });
  }

  get inputs() { return [...this.choices.querySelectorAll("input")]; }
  get values() {
    if (this.inputs.length) return this.inputs.filter((input) => input.checked).map((input) => input.value);
    return this.defaults();
  }
  set values(values) {
    this.touched = true;
    for (const input of this.inputs) input.checked = [...values].includes(input.value);
    this.hold();
  }
  defaults() { return [...this.querySelectorAll("s-choice")].filter((choice) => choice.flag?.("selected") || choice.flag?.("defaultSelected")).map((choice) => choice.text("value")); }

  hold() {
    const data = new FormData();
    for (const value of this.values) data.append(this.text("name"), value);
    this.internals.setFormValue(this.text("name") ? data : null);
  }

  formResetCallback() {
    this.touched = false;
    this.update();
  }

  update() {
    const chosen = this.touched ? this.values : this.defaults();
    const multiple = this.flag("multiple");
    const rows = [...this.querySelectorAll("s-choice")].map((choice, index) => {
      const words = [...choice.childNodes].filter((node) => node.slot !== "details" && node.slot !== "secondary-content").map((node) => node.textContent).join("").trim();
      const details = choice.text?.("details") || [...choice.children].filter((node) => node.slot === "details").map((node) => node.textContent.trim()).join(" ");
      const input = h("input", { type: multiple ? "checkbox" : "radio", name: this.group, id: `choice-${index}`, value: choice.getAttribute("value") ?? "", "aria-describedby": details ? `about-${index}` : null });
      input.checked = chosen.includes(input.value);
      input.disabled = this.flag("disabled") || choice.hasAttribute("disabled");
      input.addEventListener("input", () => { this.touched = true; this.hold(); });
      input.addEventListener("change", () => this.changed());
      return h("div", { class: "row" }, input, h("label", { class: "label", for: input.id }, words), ...(details ? [h("span", { class: "details", id: `about-${index}` }, details)] : []));
    });
    const focused = this.shadowRoot.activeElement?.id;
    this.choices.replaceChildren(...rows);
    if (focused) this.shadowRoot.getElementById(focused)?.focus();
    this.legend.textContent = this.text("label");
    this.legend.classList.toggle("unseen", ["exclusive", "hidden"].includes(this.text("labelAccessibilityVisibility")));
    this.error_.replaceChildren(...(this.text("error") ? [icon("alert-circle"), this.text("error")] : []));
    this.error_.hidden = !this.text("error");
    this.details_.textContent = this.text("details");
    this.details_.hidden = !this.text("details");
    const about = [this.text("error") && "error", this.text("details") && "details"].filter(Boolean).join(" ");
    if (about) this.set.setAttribute("aria-describedby", about);
    this.hold();
  }
}, { texts: ["label", "labelAccessibilityVisibility", "details", "error", "name"], flags: ["multiple", "disabled"] });

for (const tag of ["s-option", "s-option-group"]) {
  define(tag, class extends Component { build() {} }, { texts: ["value", "label"], flags: ["disabled", "selected", "defaultSelected"] });
}

define("s-select", class extends Control {
  static css = sheet(`${fieldCss} .box { position: relative; padding: 0; } select { flex: 1; width: 100%; min-height: 30px; padding: 4px 32px 4px 12px; border: 0; border-radius: 7px; background: none; appearance: none; line-height: 20px; outline: none; cursor: pointer; text-overflow: ellipsis; } .box svg { position: absolute; right: 8px; pointer-events: none; } option { background: #fff; }`);
  touched = false;

  build(root) {
    this.input = h("select", { id: "control" });
    root.append(surround(this, h("div", { class: "box" }, this.input, icon("chevron-down", 16))));
    this.input.addEventListener("input", () => { this.touched = true; this.hold(); });
    this.input.addEventListener("change", () => this.changed());
    new MutationObserver(() => this.update()).observe(this, { childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ["value", "selected", "disabled", "label"] });
  }

  hold() { this.internals.setFormValue(this.input.value); }
  get value() { return this.input.value; }
  set value(value) {
    this.touched = true;
    this.input.value = value;
    this.hold();
  }

  formResetCallback() {
    this.touched = false;
    this.update();
  }

  option(from) {
    const made = h("option", { value: from.getAttribute("value") ?? from.textContent.trim() }, from.textContent.trim());
    made.disabled = from.hasAttribute("disabled");
    return made;
  }

  update() {
    say(this, this.input);
    const before = this.input.value;
    const drawn = [...this.children].map((child) =>
      child.localName === "s-option-group"
        ? h("optgroup", { label: child.getAttribute("label") ?? "" }, ...[...child.children].map((option) => this.option(option)))
        : this.option(child));
    const marked = this.querySelector("s-option[selected], s-option[defaultselected], s-option[default-selected]");
    const wanted = this.touched ? before : this.getAttribute("value") ?? marked?.getAttribute("value");
    const hint = this.text("placeholder");
    this.input.replaceChildren(...(hint ? [h("option", { value: "", hidden: true }, hint)] : []), ...drawn);
    if (wanted != null) this.input.value = wanted;
    this.input.disabled = this.flag("disabled");
    this.input.setAttribute("aria-required", String(this.flag("required")));
    this.hold();
  }
}, { texts: ["label", "labelAccessibilityVisibility", "details", "error", "placeholder", "name", "icon"], flags: ["required", "disabled"] });
