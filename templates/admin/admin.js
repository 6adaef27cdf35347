// What every page of the admin uses: calls, messages, and small pieces of DOM. The parts of the page follow in the same
// file (templates/admin/js, put together in document.rs); each starts where its data-… attribute stands. Text from
// outside only ever becomes text, never markup.

/** Runs `start` with the element that has the attribute `data-{name}`, on the page that has one. */
function onPage(name, start) {
  const root = document.querySelector(`[data-${name}]`);
  if (root) start(root);
}

/* Problems, in this app's own words. */

const WORDS = {
  offline: "Your browser could not reach Subtotal Connect. Check your connection and try again.",
  invalid_session_token: "Your session in the Shopify admin has ended. Reload the page to go on.",
  shop_not_configured: "There is no Subtotal API key yet. Enter one under Connection to Subtotal.",
  invalid_request: "Something you entered is missing or wrong. Nothing was changed.",
  retailer_not_found: "This retailer is not in your Subtotal project any more.",
  destination_off: "This is turned off or paused, so nothing can be sent to it. Turn it on and save, or resume it on Events.",
  version_conflict: "Somebody else changed this while you were working on it. Nothing was changed.",
  payload_too_large: "That is too much at once. A list can be sent in at most 8 MiB.",
  unsupported_media_type: "This kind of file can not be read. Save it as CSV.",
  subtotal_api_key_rejected: "Subtotal does not accept the API key. Copy it again from your Subtotal dashboard.",
  klaviyo_key_rejected: "Klaviyo does not accept this private key. Copy it again from Klaviyo's settings.",
  klaviyo_unavailable: "Klaviyo could not be reached. Try again in a moment.",
  subtotal_rejected_request: "Subtotal did not accept the request. Trying again will not help; please contact support.",
  subtotal_unavailable: "Subtotal could not be reached. Try again in a moment.",
  subtotal_busy: "Subtotal is busy. Try again in a moment.",
  rate_limited: "Too many calls came at once. Try again in a moment.",
  overloaded: "The service is busy. Nothing was changed; try again in a moment.",
  subtotal_timeout: "Subtotal did not answer in time. Try again in a moment.",
  database_unavailable: "The app could not reach its database. Nothing was changed; try again in a moment.",
  shopify_unavailable: "Shopify could not be asked for access. Reload the page in a moment.",
  customer_not_signed_in: "A shopper was not signed in",
  redirect_url_not_allowed: "A page asked to send a shopper somewhere that is not allowed",
  connection_not_found: "A link to an account was not found",
  internal_error: "Something went wrong here. Nothing you entered is lost; try again.",
};

/** The words for a problem's code; `otherwise` for one that has none. */
function wordsFor(code, otherwise) {
  return Object.hasOwn(WORDS, code) ? WORDS[code] : otherwise;
}

/** An answer that was not a success, with what its problem body said. */
class Problem extends Error {
  constructor(status, body) {
    super(wordsFor(body.code, body.detail || "Something went wrong. Try again in a moment."));
    this.status = status;
    this.code = body.code;
    this.requestId = body.request_id;
    this.errors = body.errors || [];
  }
}

/** Calls the app. App Bridge adds the session token, and tries once more with a fresh one after a 401. */
async function call(method, path, { body, headers = {} } = {}) {
  let response;
  try {
    response = await fetch(path, { method, body, headers });
  } catch {
    throw new Problem(0, { code: "offline" });
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new Problem(response.status, problem);
}

async function getJson(path) {
  return (await call("GET", path, { headers: { Accept: "application/json" } })).json();
}

async function sendJson(method, path, value) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  const response = await call(method, path, { body: JSON.stringify(value), headers });
  return response.status === 204 ? null : response.json();
}

/* Pieces of DOM. */

/** An element with attributes and children; text becomes text, and what is null or false is left out. */
function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child != null && child !== false));
  return element;
}

/** Puts children in place of what was there, and says that it is no longer loading. */
function fill(element, ...children) {
  element.replaceChildren(...children.filter((child) => child != null && child !== false));
  element.removeAttribute("aria-busy");
}

function paragraph(...children) {
  return el("s-paragraph", {}, ...children);
}

function badge(text, tone) {
  return el("s-badge", { tone }, text);
}

function link(href, text) {
  return el("s-link", { href }, text);
}

function count(number, one, many) {
  return `${Number(number).toLocaleString("en")} ${number === 1 ? one : many}`;
}

function when(moment) {
  const date = new Date(moment);
  const text = date.toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
  return el("time", { datetime: date.toISOString() }, text);
}

function setBusy(button, busy) {
  button.loading = busy;
  button.toggleAttribute("loading", busy);
  setDisabled(button, busy);
}

function setDisabled(field, disabled) {
  field.disabled = disabled;
  field.toggleAttribute("disabled", disabled);
}

/** The value of the chosen one of an s-choice-list. */
function chosen(list) {
  if (Array.isArray(list.values) && list.values.length) return list.values[0];
  const choice = [...list.querySelectorAll("s-choice")].find((choice) => choice.selected ?? choice.hasAttribute("selected"));
  return choice?.getAttribute("value") ?? "";
}

function choose(list, value) {
  for (const choice of list.querySelectorAll("s-choice")) {
    const selected = choice.getAttribute("value") === value;
    choice.selected = selected;
    choice.toggleAttribute("selected", selected);
  }
  list.values = [value];
}

/** Says at a field what is wrong with it; nothing where the text is empty. */
function markField(field, text) {
  field.error = text;
  if (text) field.setAttribute("error", text);
  else field.removeAttribute("error");
}

function wrongField(field, text) {
  markField(field, text);
  field.focus();
}

/* Messages. */

/** Shows a banner at the top of the page, in place of the one before, and scrolls to it. */
function banner(tone, heading, ...children) {
  const place = document.querySelector("[data-messages]");
  fill(place, el("s-banner", { tone, heading, role: tone === "critical" ? "alert" : "status" }, ...children));
  place.scrollIntoView({ block: "nearest" });
}

function clearBanner() {
  document.querySelector("[data-messages]").replaceChildren();
}

/** Shows a failure: in own words where the code is known, with the request's id for support. */
function showProblem(problem, heading = "That did not work") {
  if (!(problem instanceof Problem)) {
    console.error(problem);
    problem = new Problem(0, { code: "internal_error" });
  }
  const fields = problem.errors.filter((error) => error.field).map((error) => paragraph(`${error.field}: ${error.message}`));
  const reload = problem.code === "invalid_session_token"
    && el("s-button", { type: "button", click: () => location.reload() }, "Reload the page");
  const id = problem.requestId && el("p", { class: "quiet" }, `For support: request ${problem.requestId}`);
  banner("critical", heading, paragraph(problem.message), ...fields, reload, id);
}

function toast(text) {
  if (window.shopify?.toast) window.shopify.toast.show(text);
  else banner("success", text);
}

/** Runs an action of a button: busy meanwhile, and its failure shown unless `handled` takes it. */
async function run(button, action, handled = () => false) {
  setBusy(button, true);
  try {
    await action();
  } catch (problem) {
    if (!handled(problem)) showProblem(problem);
  } finally {
    setBusy(button, false);
  }
}

/** A button that copies a text, and says so. */
function copyButton(text, label) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      toast("Copied");
    } catch {
      banner("warning", "Your browser did not allow copying", paragraph("Select the text and copy it by hand: "), el("code", {}, text));
    }
  };
  return el("s-button", { type: "button", accessibilityLabel: label, icon: "clipboard", click: copy }, "Copy");
}

/** Saves what a path answers, as CSV where nothing else is said, into a file. */
async function download(path, name, accept = "text/csv") {
  const response = await call("GET", path, { headers: { Accept: accept } });
  const url = URL.createObjectURL(await response.blob());
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** The shop's retailers; none where there is no key yet. */
async function loadRetailers() {
  return (await getJson("/admin/api/retailers")).retailers;
}
