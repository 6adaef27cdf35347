// Icons, drawn for this repository on a grid of 20. A type that is not here is a dot.

const drawings = {
  "alert-circle": "M10 6v5m0 3v.01M17 10a7 7 0 1 1-14 0 7 7 0 0 1 14 0Z",
  "alert-triangle": "M10 7v4m0 3v.01M10 3 2.8 16h14.4Z",
  "arrow-left": "M16 10H4m5-5-5 5 5 5",
  "arrow-right": "M4 10h12m-5-5 5 5-5 5",
  calendar: "M4 5h12v11H4zM4 8.5h12M7 3v3m6-3v3",
  check: "m4.5 10.5 3.5 3.5 7.5-8",
  "check-circle": "m6.8 10.2 2.3 2.3 4.2-4.6M17 10a7 7 0 1 1-14 0 7 7 0 0 1 14 0Z",
  "chevron-down": "m5 8 5 5 5-5",
  "chevron-left": "m12 5-5 5 5 5",
  "chevron-right": "m8 5 5 5-5 5",
  "chevron-up": "m5 12 5-5 5 5",
  circle: "M17 10a7 7 0 1 1-14 0 7 7 0 0 1 14 0Z",
  "circle-dashed": "M8 3.3a7 7 0 0 1 4 0m2.9 1.7a7 7 0 0 1 2 3.4m0 3.2a7 7 0 0 1-2 3.4M12 16.7a7 7 0 0 1-4 0M5.1 15a7 7 0 0 1-2-3.4m0-3.2a7 7 0 0 1 2-3.4",
  clipboard: "M7 4H5v13h10V4h-2M7 3h6v3H7z",
  clock: "M10 6v4l2.5 2M17 10a7 7 0 1 1-14 0 7 7 0 0 1 14 0Z",
  connect: "M7 3v4m6-4v4M5 7h10v3a5 5 0 0 1-10 0Zm5 8v3",
  delete: "M4 6h12M8 6V4h4v2m-6 0 .7 10h6.6L14 6M9 9v4.5M11 9v4.5",
  download: "M10 3v10m-4-4 4 4 4-4M4 16.5h12",
  duplicate: "M7 7V4h9v9h-3M4 7h9v9H4z",
  edit: "m4 16 .8-3.4L13 4.4l2.6 2.6-8.2 8.2ZM11.5 6l2.5 2.5",
  email: "M3 5h14v10H3zm0 .5 7 5.5 7-5.5",
  export: "M10 13V3M6 7l4-4 4 4M4 11v6h12v-6",
  external: "M8 4H4v12h12v-4M11 4h5v5m0-5-7 7",
  filter: "M3 6h14M6 10h8m-6 4h4",
  globe: "M17 10a7 7 0 1 1-14 0 7 7 0 0 1 14 0Zm-14 0h14M10 3c-4 4-4 10 0 14 4-4 4-10 0-14Z",
  hide: "m3 3 14 14M8 5.3A8 8 0 0 1 18 10a12 12 0 0 1-2 2.7M5 6.5A12 12 0 0 0 2 10a8.5 8.5 0 0 0 11 4.3",
  home: "m3 9 7-6 7 6v8h-5v-5H8v5H3z",
  import: "M10 3v10m-4-4 4 4 4-4M4 12v5h12v-5",
  info: "M10 9v5m0-8v.01M17 10a7 7 0 1 1-14 0 7 7 0 0 1 14 0Z",
  key: "M12 8a3.5 3.5 0 1 1-1 2.5L4 17M6 15l2 2m0-4 2 2",
  link: "M12 8 8 12M9 6.5l1-1a3.2 3.2 0 0 1 4.5 4.5l-1 1M11 13.5l-1 1A3.2 3.2 0 0 1 5.5 10l1-1",
  lock: "M5 9h10v8H5zm2 0V6.500a3 3 0 0 1 6 0V9",
  "menu-horizontal": "M4.5 10h.01M10 10h.01M15.5 10h.01",
  minus: "M4 10h12",
  note: "M5 3h7l3 3v11H5zM8 9h4m-4 3h4",
  person: "M13 7a3 3 0 1 1-6 0 3 3 0 0 1 6 0ZM4 17a6 6 0 0 1 12 0",
  plus: "M10 4v12M4 10h12",
  refresh: "M16 7a6.5 6.5 0 1 0 .5 4M16 3v4h-4",
  search: "m13 13 4 4M14 8.500a5.5 5.5 0 1 1-11 0 5.5 5.5 0 0 1 11 0Z",
  settings: "M3 6h8m4 0h2M3 14h2m4 0h8M13 4v4M7 12v4",
  store: "M4 9v8h12V9M3 6l1.5-3h11L17 6a2.3 2.3 0 0 1-4.6 0A2.3 2.3 0 0 1 7.6 6 2.3 2.3 0 0 1 3 6Z",
  upload: "M10 13V3M6 7l4-4 4 4M4 16.500h12",
  view: "M2 10c4-6.7 12-6.7 16 0-4 6.7-12 6.7-16 0Zm10.5 0a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0Z",
  x: "m5 5 10 10M15 5 5 15",
  "x-circle": "m7.5 7.5 5 5m0-5-5 5M17 10a7 7 0 1 1-14 0 7 7 0 0 1 14 0Z",
};

const iconCss = "svg { display: block; fill: none; stroke: currentcolor; stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round; }";

function icon(type, pixels = 20) {
  const d = drawings[type] ?? drawings[type?.replace(/-filled$/, "")] ?? "M10 10h.01";
  return h("svg", { viewBox: "0 0 20 20", width: pixels, height: pixels, "aria-hidden": "true" }, h("path", { d }));
}

const tones = {
  neutral: "#616161", info: "#00527c", success: "#0c5132", caution: "#4f4700", warning: "#5e4200", critical: "#8e0b21", accent: "#005bd3",
};

define("s-icon", class extends Component {
  static css = sheet(`${iconCss} :host { display: inline-block; flex: none; width: 20px; height: 20px; vertical-align: -0.3em; color: #4a4a4a; }`);

  update() {
    this.shadowRoot.replaceChildren(icon(this.text("type"), this.text("size") === "small" ? 16 : 20));
    this.own.replaceSync(`:host { color: ${tones[this.text("tone")] ?? (this.text("color") === "subdued" ? "#616161" : "inherit")}; }`);
  }
}, { texts: ["type", "tone", "color", "size", "interestFor"] });
