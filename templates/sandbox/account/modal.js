// A dialog over the page.

define("s-modal", class extends Component {
  static css = sheet(`${iconCss}${accountsFocus}
:host { display: contents; }
dialog { width: min(480px, calc(100vw - 32px)); max-height: calc(100dvh - 48px); padding: 24px; border: 0; border-radius: 16px; background: var(--surface); color: var(--ink); overflow: auto; overflow-wrap: anywhere; }
dialog::backdrop { background: rgb(0 0 0 / 55%); }
.head { display: flex; align-items: flex-start; justify-content: space-between; gap: 12px; margin-bottom: 12px; }
h2 { min-width: 0; font-size: 1.25rem; font-weight: 600; line-height: 1.3; }
.close { display: grid; flex: none; place-items: center; width: 44px; height: 44px; margin: -10px -10px 0 0; padding: 0; border: 0; border-radius: 8px; background: none; color: inherit; cursor: pointer; }
.close:hover { background: var(--tint); }
.foot { display: flex; flex-wrap: wrap; justify-content: flex-end; gap: 12px; margin-top: 24px; }`);

  build(root) {
    this.title_ = h("h2", { id: "title" });
    const close = h("button", { class: "close", type: "button", "aria-label": "Close", onclick: () => this.hideOverlay() }, icon("x"));
    this.dialog = h("dialog", { "aria-labelledby": "title" }, h("div", { class: "head" }, this.title_, close), h("slot"),
      h("div", { class: "foot" }, h("slot", { name: "secondary-actions" }), h("slot", { name: "primary-action" })));
    this.dialog.addEventListener("click", (event) => { if (event.target === this.dialog) this.hideOverlay(); });
    root.append(this.dialog);
  }

  // The browser gives the focus back to where it was.
  showOverlay() { if (!this.dialog.open) this.dialog.showModal(); }
  hideOverlay() { this.dialog.close(); }
  update() { this.title_.textContent = this.text("heading"); }
}, { texts: ["heading"] });
