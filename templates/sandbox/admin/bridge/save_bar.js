// The save bar: of a form with data-save-bar by itself, or of a <ui-save-bar> by hand.

// The bar that is shown: what it says to the admin, and what its buttons do.
let shown = null;

function showBar(bar) {
  shown = bar;
  tell("save-bar", { visible: true, ...bar.looks() });
}

function hideBar(bar) {
  if (shown !== bar) return;
  shown = null;
  tell("save-bar", { visible: false });
}

hear("save-bar", ({ action }) => {
  if (action === "save") shown?.save();
  else shown?.discard();
});

// Asks before unsaved changes are left behind.
async function leaveConfirmation() {
  if (shown) await ask("leave");
}

const forms = new WeakMap();

function contents(form) {
  const entries = [...new FormData(form)].map(([name, value]) =>
    [name, value instanceof File ? `${value.name} ${value.size}` : value]);
  return JSON.stringify(entries);
}

function barOf(form) {
  let bar = forms.get(form);
  if (!bar) {
    bar = {
      saved: contents(form),
      looks: () => ({ asks: form.hasAttribute("data-discard-confirmation") }),
      save: () => form.requestSubmit(),
      discard: () => form.reset(),
    };
    forms.set(form, bar);
  }
  return bar;
}

function watched(event) {
  const form = event.target.form ?? event.target.closest?.("form");
  return form?.hasAttribute("data-save-bar") ? form : null;
}

// A page may fill its fields by script, and change them by what stands outside the form; what they hold when the
// merchant comes to either is what counts as saved.
function remember(event) {
  const form = watched(event);
  for (const one of form ? [form] : document.querySelectorAll("form[data-save-bar]")) {
    if (shown !== barOf(one)) barOf(one).saved = contents(one);
  }
}

function compare(event) {
  const form = watched(event);
  if (!form) return;
  const bar = barOf(form);
  if (contents(form) === bar.saved) hideBar(bar);
  else showBar(bar);
}

function settle(form) {
  const bar = barOf(form);
  bar.saved = contents(form);
  hideBar(bar);
}

for (const type of ["focusin", "pointerdown"]) document.addEventListener(type, remember, true);
for (const type of ["input", "change"]) document.addEventListener(type, compare);
document.addEventListener("submit", (event) => {
  if (event.target.hasAttribute("data-save-bar")) settle(event.target);
});
document.addEventListener("reset", (event) => {
  if (event.target.hasAttribute("data-save-bar")) setTimeout(() => settle(event.target));
});
document.addEventListener("DOMContentLoaded", () => {
  for (const form of document.querySelectorAll("form[data-save-bar]")) barOf(form);
});

class SaveBar extends HTMLElement {
  #watch = new MutationObserver(() => { if (this.showing) showBar(this); });

  connectedCallback() {
    this.#watch.observe(this, { attributes: true, childList: true, characterData: true, subtree: true });
  }

  disconnectedCallback() {
    this.#watch.disconnect();
    hideBar(this);
  }

  get showing() {
    return shown === this;
  }

  get discardConfirmation() {
    return this.hasAttribute("discardconfirmation") || this.hasAttribute("discard-confirmation");
  }

  set discardConfirmation(on) {
    this.toggleAttribute("discardconfirmation", Boolean(on));
  }

  async show() {
    showBar(this);
    this.dispatchEvent(new Event("show"));
  }

  async hide() {
    hideBar(this);
    this.dispatchEvent(new Event("hide"));
  }

  toggle() {
    return this.showing ? this.hide() : this.show();
  }

  #button(primary) {
    return [...this.querySelectorAll("button")].find((button) => (button.getAttribute("variant") === "primary") === primary);
  }

  looks() {
    const look = (button) => button && {
      text: button.textContent.trim(),
      disabled: button.disabled,
      loading: button.hasAttribute("loading") && button.getAttribute("loading") !== "false",
    };
    return { asks: this.discardConfirmation, saving: look(this.#button(true)), discarding: look(this.#button(false)) };
  }

  save() {
    this.#button(true)?.click();
  }

  discard() {
    this.#button(false)?.click();
  }
}
customElements.define("ui-save-bar", SaveBar);

function bar(id, verb) {
  const found = document.getElementById(id);
  if (!(found instanceof SaveBar)) return Promise.reject(new Error(`There is no <ui-save-bar id="${id}">`));
  return Promise.resolve(found[verb]());
}
