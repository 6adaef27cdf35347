// Fields to type into. Each is one form control; label, details and error belong to the input inside.

const fieldCss = `${iconCss}
:host { display: block; min-width: 0; }
.label { display: block; margin-bottom: 4px; font-weight: 450; line-height: 20px; }
.must { color: #8e0b21; }
.box { display: flex; align-items: center; gap: 6px; min-height: 32px; padding: 0 12px; border: 1px solid #8a8a8a; border-radius: 8px; background: #fdfdfd; color: #303030; }
.box:hover { border-color: #616161; } .box:focus-within { outline: 2px solid #005bd3; outline-offset: 1px; }
.box svg { flex: none; color: #4a4a4a; }
.affix { flex: none; color: #616161; }
.input { flex: 1; width: 100%; min-width: 0; padding: 6px 0; border: 0; background: none; line-height: 20px; outline: none; }
.input::placeholder { color: #616161; opacity: 1; }
.input:disabled { color: #616161; }
:host([disabled]) .box { border-color: #d4d4d4; background: #f2f2f2; } :host([readonly]) .box, :host([read-only]) .box { background: #f7f7f7; }
.bad .box { border-color: #8e0b21; background: #fee8eb; }
.details, .error { margin-top: 4px; color: #616161; line-height: 20px; }
.error { display: flex; gap: 4px; color: #8e0b21; }
@media (max-width: 480px) { .box { min-height: 40px; } .input { font-size: 16px; } }`;

const fieldTexts = ["label", "labelAccessibilityVisibility", "details", "error", "placeholder", "name", "autocomplete", "prefix", "suffix", "icon", "maxLength", "minLength", "min", "max", "step", "inputMode", "rows"];
const fieldFlags = ["required", "disabled", "readOnly"];

// Label above, words below, and how they belong to a control.
function surround(field, control) {
  field.label_ = h("label", { class: "label", for: "control" });
  field.details_ = h("p", { class: "details", id: "details" });
  field.error_ = h("p", { class: "error", id: "error" });
  field.around = h("div", { class: "field" }, field.label_, control, field.error_, field.details_);
  return field.around;
}

function say(field, control) {
  const label = field.text("label");
  field.label_.replaceChildren(label, ...(field.flag("required") ? [h("span", { class: "must", "aria-hidden": "true" }, " *")] : []));
  field.label_.classList.toggle("unseen", ["exclusive", "hidden"].includes(field.text("labelAccessibilityVisibility")));
  const error = field.text("error");
  const details = field.text("details");
  field.details_.textContent = details;
  field.details_.hidden = !details;
  field.error_.replaceChildren(...(error ? [icon("alert-circle", 20), error] : []));
  field.error_.hidden = !error;
  field.around.classList.toggle("bad", Boolean(error));
  control.setAttribute("aria-invalid", String(Boolean(error)));
  const about = [error && "error", details && "details"].filter(Boolean).join(" ");
  if (about) control.setAttribute("aria-describedby", about);
  else control.removeAttribute("aria-describedby");
  if (!label && field.text("accessibilityLabel")) control.setAttribute("aria-label", field.text("accessibilityLabel"));
}

class Control extends Component {
  static formAssociated = true;
  static focuses = true;
  static extra = ["value", "accessibilitylabel"];
  internals = this.attachInternals();

  get form() { return this.internals.form; }
  formDisabledCallback(off) { this.toggleAttribute("disabled", off); }
  // `change` does not leave a shadow tree by itself; `input` does.
  changed() { this.dispatchEvent(new Event("change", { bubbles: true })); }
}

class TextField extends Control {
  static css = sheet(fieldCss);
  static type = "text";
  touched = false;

  make() { return h("input", { class: "input", id: "control", type: this.constructor.type }); }

  build(root) {
    this.input = this.make();
    this.box = h("div", { class: "box" });
    root.append(surround(this, this.box));
    this.input.addEventListener("input", () => { this.touched = true; this.hold(); });
    this.input.addEventListener("change", () => this.changed());
    this.input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && this.input.localName === "input" && !event.isComposing) this.form?.requestSubmit();
    });
    this.box.addEventListener("click", (event) => { if (event.target === this.box) this.input.focus(); });
    this.box.append(this.input);
  }

  hold() { this.internals.setFormValue(this.value); }

  get value() { return this.input.value; }
  set value(value) {
    this.touched = true;
    this.input.value = value ?? "";
    this.hold();
  }
  get defaultValue() { return this.getAttribute("value") ?? this.text("defaultValue"); }
  set defaultValue(value) { this.setAttribute("value", value); }

  formResetCallback() {
    this.touched = false;
    this.input.value = this.defaultValue;
    this.hold();
  }

  select() { this.input.select(); }

  update() {
    say(this, this.input);
    const input = this.input;
    if (!this.touched && input.value !== this.defaultValue) input.value = this.defaultValue;
    this.hold();
    input.disabled = this.flag("disabled");
    input.readOnly = this.flag("readOnly");
    input.setAttribute("aria-required", String(this.flag("required")));
    for (const [name, attribute] of [["placeholder", "placeholder"], ["autocomplete", "autocomplete"], ["maxLength", "maxlength"], ["minLength", "minlength"], ["min", "min"], ["max", "max"], ["step", "step"], ["inputMode", "inputmode"], ["rows", "rows"]]) {
      if (this.text(name)) input.setAttribute(attribute, this.text(name));
      else if (name !== "inputMode" || !this.constructor.mode) input.removeAttribute(attribute);
    }
    const affix = (name) => (this.text(name) ? [h("span", { class: "affix" }, this.text(name))] : []);
    const before = [...(this.text("icon") ? [icon(this.text("icon"), 16)] : []), ...affix("prefix")];
    while (this.box.firstChild !== input) this.box.firstChild.remove();
    while (this.box.lastChild !== input) this.box.lastChild.remove();
    input.before(...before);
    input.after(...affix("suffix"), h("slot", { name: "accessory" }));
  }
}

const field = (tag, type, more = {}) => define(tag, class extends TextField {
  static type = type;
  static mode = more.mode;
  make() {
    const input = super.make();
    if (more.mode) input.setAttribute("inputmode", more.mode);
    return input;
  }
}, { texts: fieldTexts, flags: fieldFlags });

field("s-text-field", "text");
field("s-password-field", "password");
// Not type=email or url: Shopify's fields check nothing by themselves, and hold what was typed.
field("s-email-field", "text", { mode: "email" });
field("s-url-field", "text", { mode: "url" });
field("s-number-field", "number");
field("s-money-field", "number");
field("s-date-field", "date");

define("s-search-field", class extends TextField {
  static type = "search";
  update() {
    super.update();
    if (!this.text("icon")) this.input.before(icon("search", 16));
  }
}, { texts: fieldTexts, flags: fieldFlags });

define("s-text-area", class extends TextField {
  static css = sheet(`${fieldCss} .box { align-items: stretch; padding-right: 4px; } .input { resize: vertical; min-height: 32px; }`);
  make() { return h("textarea", { class: "input", id: "control", rows: 2 }); }
}, { texts: fieldTexts, flags: fieldFlags });

define("s-drop-zone", class extends Control {
  static css = sheet(`${fieldCss}
.zone { position: relative; display: grid; place-items: center; gap: 4px; min-height: 108px; padding: 16px; border: 1px dashed #8a8a8a; border-radius: 8px; background: #fafafa; text-align: center; }
.zone:hover, .over { background: #f1f7ff; border-color: #005bd3; } .zone:focus-within { outline: 2px solid #005bd3; outline-offset: 1px; }
.zone input { position: absolute; inset: 0; width: 100%; opacity: 0; cursor: pointer; }
.pick { padding: 4px 12px; border-radius: 8px; background: #fff; box-shadow: inset 0 0 0 1px #b5b5b5; font-size: 12px; font-weight: 600; }`);

  build(root) {
    this.input = h("input", { type: "file", id: "control", onchange: () => this.take() });
    this.word = h("span", { class: "affix" });
    const zone = h("div", { class: "zone" }, this.input, h("span", { class: "pick", "aria-hidden": "true" }, "Add file"), this.word, h("slot"));
    for (const [type, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) zone.addEventListener(type, () => zone.classList.toggle("over", over));
    root.append(surround(this, zone));
  }

  get files() { return [...this.input.files]; }
  get value() { return this.input.value; }
  set value(value) { if (!value) this.formResetCallback(); }

  take() {
    const data = new FormData();
    for (const file of this.files) data.append(this.text("name"), file);
    this.internals.setFormValue(this.files.length ? data : null);
    this.word.textContent = this.files.map((file) => file.name).join(", ") || "or drop it here";
    this.dispatchEvent(new Event("input", { bubbles: true }));
    this.changed();
  }

  formResetCallback() {
    this.input.value = "";
    this.internals.setFormValue(null);
    this.word.textContent = "or drop it here";
  }

  update() {
    say(this, this.input);
    this.input.multiple = this.flag("multiple");
    this.input.disabled = this.flag("disabled");
    this.input.accept = this.text("accept");
    if (!this.word.textContent) this.word.textContent = "or drop it here";
  }
}, { texts: ["label", "labelAccessibilityVisibility", "details", "error", "name", "accept", "accessibilityLabel"], flags: ["required", "disabled", "multiple"] });
