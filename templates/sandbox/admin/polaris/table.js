// Tables, which become lists of labelled facts where there is little room.

define("s-table", class extends Component {
  static css = sheet(`
:host { display: block; min-width: 0; }
.scroll { overflow-x: auto; }
.table { display: table; width: 100%; border-collapse: collapse; }
.list .table { display: block; }
.pages { display: flex; justify-content: center; gap: 8px; padding: 12px; border-top: 1px solid #e3e3e3; }
.busy { opacity: 0.5; }`);

  build(root) {
    this.scroller = h("div", { class: "scroll" }, h("div", { class: "table", role: "table" }, h("slot")));
    this.pages = h("div", { class: "pages", hidden: true });
    root.append(h("slot", { name: "filters" }), this.scroller, this.pages);
    new ResizeObserver(() => this.fit()).observe(this);
    new MutationObserver(() => this.fit(true)).observe(this, { childList: true, subtree: true });
  }

  // As a list under 500 px, unless the app asks for a table.
  fit(again = false) {
    const list = this.text("variant") === "list" || (this.text("variant") !== "table" && this.clientWidth > 0 && this.clientWidth < 500);
    if (list === this.isList && !again) return;
    this.isList = list;
    this.scroller.classList.toggle("list", list);
    if (list) this.scroller.removeAttribute("tabindex");
    else if (this.scroller.scrollWidth > this.scroller.clientWidth) this.scroller.tabIndex = 0;
    const heads = [...this.querySelectorAll("s-table-header")];
    for (const node of this.querySelectorAll("s-table-header-row, s-table-body, s-table-row")) node.toggleAttribute("data-list", list);
    for (const row of this.querySelectorAll("s-table-row")) {
      [...row.querySelectorAll("s-table-cell")].forEach((cell, index) => {
        const head = heads[index];
        const role = head?.getAttribute("listslot") ?? head?.getAttribute("list-slot") ?? "labeled";
        cell.dataset.label = list && ["labeled", "inline"].includes(role) ? head?.textContent.trim() ?? "" : "";
        cell.dataset.slot = list ? role : "";
        cell.toggleAttribute("data-number", ["numeric", "currency"].includes(head?.getAttribute("format")) && !list);
        cell.draw?.();
      });
    }
    for (const head of heads) head.toggleAttribute("data-number", ["numeric", "currency"].includes(head.getAttribute("format")));
  }

  update() {
    const label = this.text("accessibilityLabel");
    if (label) this.scroller.firstChild.setAttribute("aria-label", label);
    this.scroller.classList.toggle("busy", this.flag("loading"));
    const button = (text, on, name) => {
      const made = h("s-button", { disabled: !on }, text);
      made.addEventListener("click", () => this.dispatchEvent(new Event(name)));
      return made;
    };
    this.pages.hidden = !this.flag("paginate");
    this.pages.replaceChildren(button("Previous", this.flag("hasPreviousPage"), "previouspage"), button("Next", this.flag("hasNextPage"), "nextpage"));
    this.fit(true);
  }
}, { texts: ["variant", "accessibilityLabel"], flags: ["loading", "paginate", "hasPreviousPage", "hasNextPage"] });

plain("s-table-header-row", ":host { display: table-row; background: #f7f7f7; } :host([data-list]) { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }", {}, "row");
plain("s-table-header", ":host { display: table-cell; padding: 8px 12px; border-bottom: 1px solid #e3e3e3; color: #616161; font-size: 12px; font-weight: 550; line-height: 16px; text-align: start; white-space: nowrap; } :host(:first-of-type) { padding-left: 16px; } :host(:last-of-type) { padding-right: 16px; } :host([data-number]) { text-align: end; }", { texts: ["listSlot", "format"] }, "columnheader");
plain("s-table-body", ":host { display: table-row-group; } :host([data-list]) { display: block; }", {}, "rowgroup");

define("s-table-row", class extends Component {
  static css = sheet(":host { display: table-row; } :host(:hover) { background: #fafafa; } :host([data-list]) { display: block; padding: 12px 16px; border-top: 1px solid #e3e3e3; } :host([clickdelegate]), :host([click-delegate]) { cursor: pointer; }");
  connectedCallback() {
    if (!this.hasAttribute("role")) this.setAttribute("role", "row");
    super.connectedCallback();
    this.addEventListener("click", (event) => {
      const target = this.text("clickDelegate") && document.getElementById(this.text("clickDelegate"));
      if (target && !event.composedPath().some((node) => node.matches?.("a, button, input, select, textarea, s-link, s-button"))) target.click();
    });
  }
}, { texts: ["clickDelegate"] });

define("s-table-cell", class extends Component {
  static css = sheet(`
:host { display: table-cell; padding: 8px 12px; border-bottom: 1px solid #ebebeb; line-height: 20px; vertical-align: middle; }
:host(:first-of-type) { padding-left: 16px; } :host(:last-of-type) { padding-right: 16px; }
:host([data-number]) { text-align: end; font-variant-numeric: tabular-nums; }
:host([data-slot]:not([data-slot=""])) { display: block; padding: 2px 0; border: 0; overflow-wrap: anywhere; }
:host([data-slot=primary]) { font-weight: 650; } :host([data-slot=kicker]), :host([data-slot=secondary]) { color: #616161; }
.label { color: #616161; } .label::after { content: ": "; }`);
  connectedCallback() {
    if (!this.hasAttribute("role")) this.setAttribute("role", "cell");
    super.connectedCallback();
  }
  build(root) { root.append(this.label = h("span", { class: "label", hidden: true, "aria-hidden": "true" }), h("slot")); }
  draw() {
    this.label.textContent = this.dataset.label ?? "";
    this.label.hidden = !this.dataset.label;
  }
});
