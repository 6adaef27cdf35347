// The page under the components. It yields to whatever the app's own style sheet says.

document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet(`
:where(html) { color-scheme: light; background: #f1f1f1; -webkit-text-size-adjust: 100%; }
:where(body) { margin: 0; color: #303030; font: 450 13px/20px Inter, -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
`)];
