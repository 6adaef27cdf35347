// Where the app is, and ways from page to page and to other places of the admin. Every document gets a fresh token, so
// the admin loads them.

const hidden = new CSSStyleSheet();
hidden.replaceSync("s-app-nav, ui-nav-menu, ui-title-bar, ui-save-bar { display: none !important; }");
document.adoptedStyleSheets = [...document.adoptedStyleSheets, hidden];

function appNav() {
  const links = document.querySelectorAll("s-app-nav > [href], ui-nav-menu > [href]");
  return [...links].map((link) => ({
    path: pagePath(link.getAttribute("href")),
    label: link.textContent.trim(),
    home: link.getAttribute("rel") === "home",
  }));
}

function announce() {
  tell("page", { path: pagePath(), title: document.title, nav: appNav() });
}

// The link under a click, also when it is inside a component.
function linkOf(event) {
  return event.composedPath().find((node) => node instanceof HTMLAnchorElement && node.hasAttribute("href"));
}

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = linkOf(event);
  if (!link || link.hasAttribute("download") || !["", "_self"].includes(link.target)) return;
  const [, place] = /^shopify:(?:\/\/)?admin(\/.*)$/.exec(link.href) || [];
  if (place) {
    event.preventDefault();
    tell("place", { path: place });
    return;
  }
  const url = new URL(link.href, window.location.href);
  const here = new URL(window.location.href);
  if (url.origin !== here.origin || !/^\/admin(\/|$)/.test(url.pathname)) return;
  if (url.pathname === here.pathname && url.hash && pagePath(url).split("#")[0] === pagePath().split("#")[0]) return;
  event.preventDefault();
  tell("navigate", { path: pagePath(url) });
});

if (framed && reload === null) {
  for (const verb of ["pushState", "replaceState"]) {
    const plain = history[verb].bind(history);
    history[verb] = (...values) => {
      plain(...values);
      tell("location", { path: pagePath(), push: verb === "pushState" });
    };
  }
  document.addEventListener("DOMContentLoaded", () => {
    announce();
    const watch = new MutationObserver(announce);
    for (const node of [document.querySelector("title"), document.querySelector("s-app-nav, ui-nav-menu")]) {
      if (node) watch.observe(node, { childList: true, characterData: true, subtree: true, attributes: true });
    }
  });
}
