// The line to the admin around the app: messages to and from its origin only.

const adminOrigin = new URL(document.currentScript.src).origin;
const framed = window.parent !== window;
const listeners = new Map();
let lastId = 0;

function tell(type, detail = {}) {
  if (framed) window.parent.postMessage({ bridge: 1, type, ...detail }, adminOrigin);
}

// One answer to one question, by its id.
function ask(type, detail = {}) {
  const id = ++lastId;
  return new Promise((resolve, reject) => {
    listeners.set(id, (answer) => (answer.error ? reject(new Error(answer.error)) : resolve(answer)));
    tell(type, { ...detail, id });
  });
}

function hear(type, listener) {
  listeners.set(type, listener);
}

window.addEventListener("message", (event) => {
  if (event.source !== window.parent || event.origin !== adminOrigin || event.data?.bridge !== 1) return;
  const { type, id } = event.data;
  if (type === "answer") {
    listeners.get(id)?.(event.data);
    listeners.delete(id);
  } else {
    listeners.get(type)?.(event.data);
  }
});

// What a page of the app is called without what Shopify adds to its query.
const shopifys = ["embedded", "hmac", "host", "id_token", "locale", "session", "shop", "timestamp"];
function pagePath(address = window.location.href) {
  const url = new URL(address, window.location.href);
  for (const name of shopifys) url.searchParams.delete(name);
  return url.pathname + url.search + url.hash;
}

const address = new URLSearchParams(window.location.search);
const apiKey = document.querySelector('meta[name="shopify-api-key"]')?.content ?? document.currentScript.dataset.apiKey;
if (!apiKey) console.error("App Bridge: there is no <meta name=\"shopify-api-key\"> before the script.");
