// What every component stands on. Styles are constructed, never inline: the app's pages may forbid inline styles.

function sheet(text) {
  const made = new CSSStyleSheet();
  made.replaceSync(text);
  return made;
}

const common = sheet(`
:host { box-sizing: border-box; }
:host([hidden]) { display: none !important; }
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
h1, h2, h3, h4, h5, h6, p { margin: 0; font: inherit; }
button, input, select, textarea { font: inherit; color: inherit; letter-spacing: inherit; }
:focus-visible { outline: 2px solid #005bd3; outline-offset: 1px; }
.unseen { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
`);

// One node: attributes, properties that start with a dot, listeners that start with "on".
function h(tag, attributes = {}, ...children) {
  const node = tag === "svg" || tag === "path" ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

// Names are written as in Shopify's documentation; attributes are their lower-case or dashed forms.
const dashed = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

class Component extends HTMLElement {
  static css = sheet("");
  static focuses = false;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open", delegatesFocus: this.constructor.focuses });
    this.own = sheet("");
    root.adoptedStyleSheets = [common, this.constructor.css, this.own];
    this.build(root);
  }

  build(root) { root.append(h("slot")); }
  update() {}

  connectedCallback() {
    this.isReady = true;
    this.update();
  }

  attributeChangedCallback() {
    if (this.isReady) this.update();
  }

  // Text of an attribute, or "".
  text(name) {
    return this.getAttribute(name) ?? this.getAttribute(dashed(name)) ?? "";
  }

  flag(name) {
    const value = this.getAttribute(name) ?? this.getAttribute(dashed(name));
    return value !== null && value !== "false";
  }
}

// Defines a component whose `texts` and `flags` are properties that mirror attributes.
function define(tag, made, { texts = [], flags = [] } = {}) {
  if (customElements.get(tag)) return;
  const mirror = (name, get, set) => {
    if (!(name in made.prototype)) Object.defineProperty(made.prototype, name, { configurable: true, enumerable: true, get, set });
  };
  for (const name of texts) {
    mirror(name, function () { return this.text(name); }, function (value) {
      if (value == null) this.removeAttribute(name);
      else this.setAttribute(name, value);
    });
  }
  for (const name of flags) {
    mirror(name, function () { return this.flag(name); }, function (value) { this.toggleAttribute(name, Boolean(value)); });
  }
  const observed = [...texts, ...flags].flatMap((name) => [name.toLowerCase(), dashed(name)]);
  Object.defineProperty(made, "observedAttributes", { value: [...new Set([...observed, ...(made.extra ?? [])])] });
  customElements.define(tag, made);
}

// Elements that only need a style.
function plain(tag, css, options, role) {
  define(tag, class extends Component {
    static css = sheet(css);
    connectedCallback() {
      if (role && !this.hasAttribute("role")) this.setAttribute("role", role);
      super.connectedCallback();
    }
  }, options);
}

const spaces = {
  none: "0", "small-500": "2px", "small-400": "4px", "small-300": "6px", "small-200": "8px", "small-100": "12px", small: "12px",
  base: "16px", large: "20px", "large-100": "20px", "large-200": "24px", "large-300": "32px", "large-400": "40px", "large-500": "48px",
};
const space = (value) => value.split(/\s+/).map((word) => spaces[word] ?? "").join(" ").trim();
const size = (value) => (/^(auto|none|0|[\d.]+(px|%))$/.test(value.trim()) ? value.trim() : "");
const word = (value) => (/^[a-z -]+$/.test(value) ? value : "");

// A declaration, under a container query where the value says "@container (…) this, that".
function declare(property, value, read) {
  const query = /^@container\s*([\w-]*)\s*(\([^)]*\))\s*(.*)$/.exec(value.trim());
  const rule = (text) => (read(text) ? `${property}: ${read(text)};` : "");
  if (!query) return value && rule(value) ? `:host { ${rule(value)} }` : "";
  const [, name, condition, values] = query;
  let depth = 0;
  const comma = [...values].findIndex((letter) => {
    if (letter === "(") depth += 1;
    if (letter === ")") depth -= 1;
    return letter === "," && depth === 0;
  });
  const [yes, no] = comma < 0 ? [values, ""] : [values.slice(0, comma), values.slice(comma + 1)];
  return `:host { ${rule(no.trim())} } @container ${name} ${condition} { :host { ${rule(yes.trim())} } }`;
}

let lastName = 0;
const fresh = (what) => `${what}-${++lastName}`;
