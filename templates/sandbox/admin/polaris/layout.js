// Boxes, stacks, grids, sections and the page.

const boxTexts = [
  "accessibilityLabel", "accessibilityRole", "accessibilityVisibility", "background", "border", "borderColor", "borderRadius", "borderStyle",
  "borderWidth", "blockSize", "inlineSize", "minBlockSize", "minInlineSize", "maxBlockSize", "maxInlineSize", "overflow", "display",
  "padding", "paddingBlock", "paddingBlockStart", "paddingBlockEnd", "paddingInline", "paddingInlineStart", "paddingInlineEnd",
];
const radii = { none: "0", "small-200": "2px", "small-100": "4px", small: "6px", base: "8px", large: "12px", "large-100": "16px", "large-200": "20px", max: "999px" };
const grounds = { transparent: "transparent", subdued: "#f7f7f7", base: "#fff", strong: "#e8e8e8" };
const lines = { subdued: "#ebebeb", base: "#e3e3e3", strong: "#8a8a8a" };
const widths = { none: "0", small: "1px", "small-100": "1px", base: "1px", large: "2px", "large-100": "3px" };
const read = (table) => (value) => table[value] ?? "";

function boxCss(box) {
  const rules = [
    ["background", "background", read(grounds)],
    ["border-radius", "borderRadius", (value) => value.split(/\s+/).map((part) => radii[part] ?? "").join(" ").trim()],
    ["border-color", "borderColor", read(lines)],
    ["border-style", "borderStyle", word],
    ["border-width", "borderWidth", (value) => value.split(/\s+/).map((part) => widths[part] ?? "").join(" ").trim()],
    ["block-size", "blockSize", size], ["inline-size", "inlineSize", size],
    ["min-block-size", "minBlockSize", size], ["min-inline-size", "minInlineSize", size],
    ["max-block-size", "maxBlockSize", size], ["max-inline-size", "maxInlineSize", size],
    ["overflow", "overflow", word],
    ["padding", "padding", space], ["padding-block", "paddingBlock", space], ["padding-inline", "paddingInline", space],
    ["padding-block-start", "paddingBlockStart", space], ["padding-block-end", "paddingBlockEnd", space],
    ["padding-inline-start", "paddingInlineStart", space], ["padding-inline-end", "paddingInlineEnd", space],
  ];
  const [width, color, style] = box.text("border").split(/\s+/);
  const border = width ? `:host { border: ${widths[width] ?? "0"} ${word(style ?? "") || "solid"} ${lines[color] ?? lines.base}; }` : "";
  const shown = box.text("display") === "none" ? ":host { display: none; }" : "";
  return border + rules.map(([property, name, how]) => declare(property, box.text(name), how)).join("") + shown;
}

function describe(box) {
  const role = box.text("accessibilityRole");
  if (role && role !== "generic") box.setAttribute("role", { header: "banner", footer: "contentinfo", aside: "complementary", section: "region", "ordered-list": "list", "list-item": "listitem" }[role] ?? role);
  if (box.text("accessibilityLabel")) box.setAttribute("aria-label", box.text("accessibilityLabel"));
  if (box.text("accessibilityVisibility") === "hidden") box.setAttribute("aria-hidden", "true");
}

class Box extends Component {
  static css = sheet(":host { display: block; }");
  more() { return ""; }
  update() {
    this.own.replaceSync(boxCss(this) + this.more());
    describe(this);
  }
}
define("s-box", Box, { texts: boxTexts });

const gapCss = (box) => declare("gap", box.text("gap"), space) + declare("row-gap", box.text("rowGap"), space) + declare("column-gap", box.text("columnGap"), space);
const alignments = [["align-items", "alignItems"], ["justify-items", "justifyItems"], ["place-items", "placeItems"], ["align-content", "alignContent"], ["justify-content", "justifyContent"], ["place-content", "placeContent"]];
const alignCss = (box) => alignments.map(([property, name]) => declare(property, box.text(name), word)).join("");
const gaps = ["gap", "rowGap", "columnGap", ...alignments.map(([, name]) => name)];

define("s-stack", class extends Box {
  static css = sheet(":host { display: flex; flex-flow: column nowrap; min-width: 0; }");
  more() {
    return declare("flex-flow", this.text("direction"), (value) => ({ inline: "row wrap", block: "column nowrap" })[value] ?? "") + gapCss(this) + alignCss(this);
  }
}, { texts: [...boxTexts, ...gaps, "direction"] });

const tracks = (value) => (/^[\w\s().,%/-]+$/.test(value) ? value : "");
define("s-grid", class extends Box {
  static css = sheet(":host { display: grid; grid-template-columns: minmax(0, 1fr); }");
  more() {
    return declare("grid-template-columns", this.text("gridTemplateColumns"), tracks) + declare("grid-template-rows", this.text("gridTemplateRows"), tracks) + gapCss(this) + alignCss(this);
  }
}, { texts: [...boxTexts, ...gaps, "gridTemplateColumns", "gridTemplateRows"] });

define("s-grid-item", class extends Box {
  static css = sheet(":host { display: block; min-width: 0; }");
  more() { return declare("grid-column", this.text("gridColumn"), tracks) + declare("grid-row", this.text("gridRow"), tracks); }
}, { texts: [...boxTexts, "gridColumn", "gridRow"] });

define("s-query-container", class extends Component {
  static css = sheet(":host { display: block; container-type: inline-size; }");
  update() { this.own.replaceSync(/^[\w-]+$/.test(this.text("containerName")) ? `:host { container-name: ${this.text("containerName")}; }` : ""); }
}, { texts: ["containerName"] });

plain("s-divider", ":host { display: block; height: 1px; background: #e3e3e3; } :host([direction=block]) { width: 1px; height: auto; align-self: stretch; } :host([color=strong]) { background: #8a8a8a; }", { texts: ["direction", "color"] }, "separator");

// How deep in sections something is: headings follow from it.
function depth(node) {
  let count = 0;
  for (let up = node.parentElement; up; up = up.parentElement) if (up.localName === "s-section") count += 1;
  return count;
}

define("s-section", class extends Component {
  static css = sheet(`
:host { display: block; min-width: 0; }
section { display: flex; flex-direction: column; gap: 16px; padding: 16px; border-radius: 12px; background: #fff; box-shadow: 0 0 0 1px rgb(0 0 0 / 8%), 0 1px 2px rgb(0 0 0 / 10%); }
section.none { padding: 0; gap: 0; overflow: hidden; }
section.none .head { padding: 16px 16px 12px; }
section.inner { padding: 0; gap: 12px; border-radius: 0; background: none; box-shadow: none; }
.head { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 8px; }
.title { font-size: 14px; font-weight: 650; line-height: 20px; }
.inner .title { font-size: 13px; }`);

  build(root) {
    this.head = h("div", { class: "head" });
    this.body = h("section", {}, this.head, h("slot"));
    root.append(this.body);
  }

  update() {
    const level = depth(this);
    const heading = this.text("heading");
    const id = "title";
    const title = heading && h(`h${Math.min(level + 2, 6)}`, { id, class: "title" }, heading);
    this.head.hidden = !heading;
    this.head.replaceChildren(...(title ? [title] : []));
    this.body.className = `${level ? "inner" : ""} ${this.text("padding") === "none" ? "none" : ""}`;
    const label = this.text("accessibilityLabel");
    for (const [name, value] of [["aria-label", label], ["aria-labelledby", !label && heading ? id : ""]]) {
      if (value) this.body.setAttribute(name, value);
      else this.body.removeAttribute(name);
    }
  }
}, { texts: ["heading", "accessibilityLabel", "padding"] });

define("s-page", class extends Component {
  static css = sheet(`
:host { display: block; container-type: inline-size; }
.page { max-width: 998px; margin: 0 auto; padding: 20px 20px 56px; }
:host([inlinesize=small]) .page, :host([inline-size=small]) .page { max-width: 660px; }
:host([inlinesize=large]) .page, :host([inline-size=large]) .page { max-width: none; }
.head { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 12px; min-height: 28px; margin-bottom: 16px; }
.name { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 8px; flex: 1 1 auto; min-width: 0; }
h1 { font-size: 20px; font-weight: 650; line-height: 24px; letter-spacing: -0.01em; overflow-wrap: anywhere; }
.crumb::after { content: "/"; margin-left: 8px; color: #616161; }
.sub { flex-basis: 100%; color: #616161; }
.acts { display: flex; flex-wrap: wrap; gap: 8px; }
.cols { display: grid; grid-template-columns: minmax(0, 1fr); gap: 16px; align-items: start; }
.main, aside { display: flex; flex-direction: column; gap: 16px; min-width: 0; }
@container (inline-size > 720px) { .cols.two { grid-template-columns: minmax(0, 2fr) minmax(0, 1fr); } }
@container (inline-size <= 480px) { .page { padding: 16px 12px 40px; } }`);

  build(root) {
    this.name_ = h("h1");
    this.sub = h("p", { class: "sub" });
    const aside = h("slot", { name: "aside" });
    const side = h("aside", { "aria-label": "More about this page", hidden: true }, aside);
    const acts = h("div", { class: "acts", hidden: true }, h("slot", { name: "secondary-actions" }), h("slot", { name: "primary-action" }));
    const crumb = h("span", { class: "crumb", hidden: true }, h("slot", { name: "breadcrumb-actions" }));
    crumb.addEventListener("slotchange", () => { crumb.hidden = crumb.firstChild.assignedElements().length === 0; });
    const cols = h("div", { class: "cols" }, h("div", { class: "main" }, h("slot", { name: "supplemental-start" }), h("slot")), side);
    root.append(h("div", { class: "page" },
      h("div", { class: "head" }, h("div", { class: "name" }, crumb, this.name_, h("slot", { name: "accessory" }), this.sub), acts), cols));
    aside.addEventListener("slotchange", () => {
      side.hidden = aside.assignedElements().length === 0;
      cols.classList.toggle("two", !side.hidden);
    });
    acts.addEventListener("slotchange", () => {
      acts.hidden = [...acts.children].every((slot) => slot.assignedElements().length === 0);
    });
  }

  update() {
    this.name_.textContent = this.text("heading");
    this.name_.hidden = !this.text("heading");
    this.sub.textContent = this.text("subheading");
    this.sub.hidden = !this.text("subheading");
  }
}, { texts: ["heading", "subheading", "inlineSize"] });
