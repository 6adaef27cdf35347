// What opens over the page: modals, popovers, menus, tooltips.

class Overlay extends Component {
  event(...names) { for (const name of names) this.dispatchEvent(new Event(name)); }
  toggleOverlay() { if (this.isOpen) this.hideOverlay(); else this.showOverlay(); }
  show() { this.showOverlay(); }
  hide() { this.hideOverlay(); }
}

define("s-modal", class extends Overlay {
  static css = sheet(`${iconCss}
dialog { width: min(620px, calc(100vw - 32px)); max-height: calc(100dvh - 48px); padding: 0; border: 0; border-radius: 12px; background: #fff; color: #303030; box-shadow: 0 20px 40px rgb(0 0 0 / 30%); overflow: hidden; }
dialog.small { width: min(380px, calc(100vw - 32px)); } dialog.large { width: min(980px, calc(100vw - 32px)); }
dialog[open] { display: flex; flex-direction: column; }
dialog::backdrop { background: rgb(0 0 0 / 50%); }
.head { display: flex; align-items: center; justify-content: space-between; gap: 8px; padding: 12px 16px; border-bottom: 1px solid #e3e3e3; background: #f3f3f3; }
h2 { font-size: 14px; font-weight: 650; line-height: 20px; }
.close { display: grid; place-items: center; width: 28px; height: 28px; padding: 0; border: 0; border-radius: 8px; background: none; cursor: pointer; } .close:hover { background: rgb(0 0 0 / 8%); }
.body { padding: 16px; overflow: auto; } .none { padding: 0; }
.foot { display: flex; flex-wrap: wrap; justify-content: flex-end; gap: 8px; padding: 12px 16px; border-top: 1px solid #e3e3e3; }`);

  build(root) {
    this.title_ = h("h2", { id: "title" });
    this.body = h("div", { class: "body" }, h("slot"));
    this.foot = h("div", { class: "foot", hidden: true }, h("slot", { name: "secondary-actions" }), h("slot", { name: "primary-action" }));
    this.dialog = h("dialog", { "aria-labelledby": "title" },
      h("div", { class: "head" }, this.title_, h("button", { class: "close", type: "button", "aria-label": "Close", onclick: () => this.hideOverlay() }, icon("x", 16))), this.body, this.foot);
    root.append(this.dialog);
    this.foot.addEventListener("slotchange", () => {
      this.foot.hidden = [...this.foot.children].every((slot) => slot.assignedElements().length === 0);
    });
    this.dialog.addEventListener("close", () => {
      this.event("hide", "afterhide");
      this.returnFocusTo?.focus?.();
    });
    this.dialog.addEventListener("click", (event) => { if (event.target === this.dialog) this.hideOverlay(); });
  }

  get isOpen() { return this.dialog.open; }
  showOverlay() {
    if (this.isOpen) return;
    this.dialog.showModal();
    this.event("show", "aftershow");
  }
  hideOverlay() { if (this.isOpen) this.dialog.close(); }

  update() {
    this.title_.textContent = this.text("heading");
    if (this.text("accessibilityLabel")) this.dialog.setAttribute("aria-label", this.text("accessibilityLabel"));
    this.dialog.className = this.text("size").split("-")[0];
    this.body.className = this.text("padding") === "none" ? "body none" : "body";
  }
}, { texts: ["heading", "accessibilityLabel", "padding", "size"] });

class Popover extends Overlay {
  static css = sheet(`:host { display: contents; }
.pop { position: fixed; inset: auto; margin: 0; padding: 0; max-width: min(360px, calc(100vw - 16px)); max-height: 60vh; overflow: auto; border: 0; border-radius: 12px; background: #fff; color: #303030; box-shadow: 0 0 0 1px rgb(0 0 0 / 10%), 0 8px 24px rgb(0 0 0 / 20%); }
.menu { padding: 8px; } .menu:popover-open { display: grid; }`);

  build(root) {
    this.pop = h("div", { class: this.constructor.menu ? "pop menu" : "pop", popover: "auto" }, h("slot"));
    root.append(this.pop);
    this.pop.addEventListener("toggle", (event) => {
      if (event.newState === "open") return this.event("show", "aftershow");
      this.event("hide", "afterhide");
    });
    if (this.constructor.menu) this.pop.addEventListener("click", (event) => { if (event.target !== this.pop) this.hideOverlay(); });
  }

  get isOpen() { return this.pop.matches(":popover-open"); }
  showOverlay() {
    const near = (this.returnFocusTo ?? this.previousElementSibling ?? this).getBoundingClientRect();
    this.pop.showPopover();
    const own = this.pop.getBoundingClientRect();
    const below = near.bottom + 4 + own.height < innerHeight;
    this.pop.style.top = `${below ? near.bottom + 4 : Math.max(8, near.top - own.height - 4)}px`;
    this.pop.style.left = `${Math.max(8, Math.min(near.left, innerWidth - own.width - 8))}px`;
    this.querySelector("s-button, s-link, a, button")?.focus();
  }
  hideOverlay() { if (this.isOpen) this.pop.hidePopover(); }

  update() {
    if (this.text("accessibilityLabel")) this.pop.setAttribute("aria-label", this.text("accessibilityLabel"));
  }
}
define("s-popover", class extends Popover {}, { texts: ["accessibilityLabel"] });
define("s-menu", class extends Popover { static menu = true; }, { texts: ["accessibilityLabel"] });

// Shown beside whatever says `interestFor` with its id, on hover and focus.
define("s-tooltip", class extends Component {
  static css = sheet(":host { display: contents; } .tip { position: fixed; inset: auto; margin: 0; max-width: 240px; padding: 6px 10px; border: 0; border-radius: 8px; background: #303030; color: #fff; font-size: 12px; line-height: 16px; pointer-events: none; }");
  build(root) { root.append(this.tip = h("div", { class: "tip", popover: "manual", role: "tooltip" }, h("slot"))); }
  over(source) {
    const near = source.getBoundingClientRect();
    this.tip.showPopover();
    const own = this.tip.getBoundingClientRect();
    this.tip.style.left = `${Math.max(8, Math.min(near.left + near.width / 2 - own.width / 2, innerWidth - own.width - 8))}px`;
    this.tip.style.top = `${near.top - own.height - 6 > 0 ? near.top - own.height - 6 : near.bottom + 6}px`;
  }
  away() { if (this.tip.matches(":popover-open")) this.tip.hidePopover(); }
}, {});

for (const [types, verb] of [[["mouseover", "focusin"], "over"], [["mouseout", "focusout"], "away"]]) {
  for (const type of types) {
    document.addEventListener(type, (event) => {
      const source = event.target.closest?.("[interestfor], [interest-for]");
      if (source) document.getElementById(source.text?.("interestFor"))?.[verb]?.(source);
    });
  }
}
