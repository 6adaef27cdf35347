// What Shopify gives an extension at `customer-account.profile.block.render`, and the extension in its place.

const LANGUAGES = ['en', 'de', 'es', 'fr'];
const TOAST_MS = 5000;

const place = document.querySelector('#profile-block');
const toast = document.querySelector('.toast');
const language = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => LANGUAGES.includes(tag)) ?? 'en';
const words = await (await fetch(`/assets/profile_block/${language}.json`)).json();
const { appUrl, soldAt } = place.dataset;
let toastEnds;

async function sessionToken() {
  const response = await fetch('/account/session-token', { method: 'POST' });
  if (!response.ok) throw new Error('nobody is signed in');
  return (await response.json()).token;
}

const provide = (name, value) => Object.defineProperty(globalThis, name, { configurable: true, value });
provide('shopify', {
  // What Larkmeadow chose in the checkout and accounts editor.
  settings: {
    value: {
      app_url: appUrl,
      purchase_links: soldAt.split(',').map((retailer) => `${retailer} ${location.origin}/at/${retailer}`).join('\n'),
      return_url: location.origin + location.pathname,
    },
  },
  extension: {},
  sessionToken: { get: sessionToken },
  i18n: { translate: (key, values = {}) => words[key].replace(/\{\{(\w+)\}\}/g, (_, name) => values[name]) },
  toast: {
    show(text) {
      toast.textContent = text;
      toast.hidden = false;
      clearTimeout(toastEnds);
      toastEnds = setTimeout(() => { toast.hidden = true; }, TOAST_MS);
    },
  },
});
provide('navigation', { navigate: (url) => location.assign(url) });

const { default: extension } = await import('/assets/profile_block.js');
place.lang = language;
// It renders into the body of a document of its own; here, that is its place on the page.
Object.defineProperty(document, 'body', { configurable: true, value: place });
await extension();
delete document.body;
place.dataset.rendered = '';
