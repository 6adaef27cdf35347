// The admin's half of App Bridge: it answers the app in the frame, and keeps the address, the navigation, the save bar
// and the toasts in step with it. It hears the app's origin only, and only that frame.

import { setUpSaveBar } from "/assets/save_bar.js";

const app = document.getElementById("app");
const menu = document.querySelector(".menu-button");
const staff = document.querySelector(".staff");

function openMenu(open) {
  document.body.classList.toggle("menu-open", open);
  menu.setAttribute("aria-expanded", String(open));
}
menu.addEventListener("click", () => openMenu(!document.body.classList.contains("menu-open")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (staff.open) staff.querySelector("summary").focus();
  staff.open = false;
  if (document.body.classList.contains("menu-open")) { openMenu(false); menu.focus(); }
});
document.addEventListener("click", (event) => {
  if (!staff.contains(event.target)) staff.open = false;
  if (!event.target.closest(".navigation, .menu-button")) openMenu(false);
});

// A click into the frame is seen only as a loss of focus.
window.addEventListener("blur", () => { staff.open = false; });
staff.addEventListener("submit", (event) => {
  event.target.elements.return_to.value = location.pathname + location.search;
});

if (app) start();

function start() {
  const { origin, base } = app.dataset;
  const by = (id) => document.getElementById(id);
  const frame = document.createElement("iframe");
  frame.title = "Subtotal Connect";
  frame.name = "app-iframe";
  frame.allow = "clipboard-write; clipboard-read";
  const storeName = document.querySelector(".store").textContent.trim();
  let current = rest();
  let alive = false;
  let patience;

  // Below the app's base: the part of the address that is the app's own.
  function rest() {
    return location.pathname.slice(base.length) + location.search + location.hash;
  }

  function tell(type, detail) {
    frame.contentWindow?.postMessage({ bridge: 1, type, ...detail }, origin);
  }
  const bar = setUpSaveBar((action) => tell("save-bar", { action }));

  async function post(path, body) {
    const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body ?? {}) });
    if (answer.status === 410) location.reload();
    if (!answer.ok) throw new Error(`The admin answered ${answer.status}`);
    return answer.json();
  }

  function show(state) {
    by("loading").hidden = state !== "loading";
    by("failure").hidden = state !== "failure";
    frame.classList.toggle("covered", state !== "app");
    by("progress").hidden = true;
  }

  function wait(milliseconds) {
    clearTimeout(patience);
    patience = setTimeout(() => { if (!alive) show("failure"); }, milliseconds);
  }

  async function load(next) {
    current = next;
    alive = false;
    bar.hide();
    by("progress").hidden = false;
    wait(10_000);
    try {
      const { url } = await post("/session/document", { rest: next.split("#")[0] });
      frame.contentWindow.location.replace(url + (next.includes("#") ? `#${next.split("#")[1]}` : ""));
    } catch {
      show("failure");
    }
  }

  async function go(next) {
    if (!(await bar.mayLeave())) return;
    if (next !== current) history.pushState(null, "", base + next);
    openMenu(false);
    await load(next);
  }

  // An app's path as the admin's: what is outside the app's pages has no address here.
  function below(path) {
    return /^\/admin(?=[/?#]|$)/.test(path) ? path.slice("/admin".length) : null;
  }

  function mark() {
    const page = (path) => path.split(/[?#]/)[0].replace(/\/$/, "");
    const here = page(current);
    let found = false;
    for (const link of document.querySelectorAll("#app-nav a")) {
      const is = page(link.dataset.rest) === here;
      found ||= is;
      if (is) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const home = document.querySelector(".app-link");
    if (found) home.removeAttribute("aria-current");
    else home.setAttribute("aria-current", "page");
  }

  function moved(path, push) {
    const next = below(path);
    if (next === null || next === current) return;
    current = next;
    history[push ? "pushState" : "replaceState"](null, "", base + next);
  }

  function drawNav(nav) {
    const items = nav.filter((item) => !item.home && below(item.path) !== null).map((item) => {
      const link = document.createElement("a");
      link.href = base + below(item.path);
      link.dataset.rest = below(item.path);
      link.textContent = item.label;
      const line = document.createElement("li");
      line.append(link);
      return line;
    });
    by("app-nav").replaceChildren(...items);
  }

  const heard = {
    page({ path, title, nav }) {
      alive = true;
      clearTimeout(patience);
      show("app");
      moved(path, false);
      drawNav(nav);
      mark();
      by("page-title").textContent = title && title !== "Subtotal Connect" ? title : "";
      document.title = [...new Set([title || "Subtotal Connect", "Subtotal Connect", storeName])].join(" · ");
    },
    location({ path, push }) { moved(path, push); mark(); },
    navigate({ path }) { const next = below(path); if (next !== null) go(next); },
    async place({ path }) { if (await bar.mayLeave()) location.assign(base.replace(/\/apps\/.*$/, "") + path); },
    loading({ on }) { by("progress").hidden = !on; },
    "save-bar": (message) => (message.visible ? bar.show(message) : bar.hide()),
    toast,
    "toast-hide": ({ id }) => by(id)?.remove(),
    async token({ id }) {
      try {
        tell("answer", { id, token: (await post("/session/token")).token });
      } catch (error) {
        tell("answer", { id, error: error.message });
      }
    },
    async leave({ id }) {
      if (await bar.mayLeave()) tell("answer", { id });
    },
  };

  function toast({ id, text, duration = 5000, isError, action }) {
    const line = document.createElement("div");
    line.className = isError ? "toast bad" : "toast";
    line.id = id;
    const says = document.createElement("p");
    says.textContent = text;
    line.append(says);
    const end = (what) => { line.remove(); tell("toast", { id, what }); };
    const button = (label, what) => {
      const made = document.createElement("button");
      made.type = "button";
      made.textContent = label;
      made.addEventListener("click", () => end(what));
      line.append(made);
      return made;
    };
    if (action) button(action, "action");
    button("×", "dismiss").setAttribute("aria-label", "Dismiss");
    by("toasts").append(line);
    setTimeout(() => { if (line.isConnected) end("dismiss"); }, Math.max(duration, 1000));
  }

  window.addEventListener("message", (event) => {
    if (event.source !== frame.contentWindow || event.origin !== origin || event.data?.bridge !== 1) return;
    if (Object.hasOwn(heard, event.data.type)) heard[event.data.type](event.data);
  });
  window.addEventListener("popstate", async () => {
    const next = rest();
    if (next === current) return;
    if (await bar.mayLeave()) load(next);
    else history.pushState(null, "", base + current);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-rest]");
    if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    go(link.dataset.rest);
  });
  by("retry").addEventListener("click", () => { show("loading"); load(current); });

  // A document that is there and silent is not the app: an error page of the browser also fires `load`.
  frame.addEventListener("load", () => { if (!alive) wait(4_000); });
  show("loading");
  wait(10_000);
  frame.src = app.dataset.document + location.hash;
  app.prepend(frame);
}
