// "Link your accounts": asks the storefront API what to show, and shows exactly that.

import * as api from './storefront_api.js';
import { card, el, problemText } from './storefront_card.js';

const root = document.querySelector('[data-link-accounts]');
const body = root.querySelector('[data-body]');
const banner = root.querySelector('[data-banner]');
const announcer = root.querySelector('[data-announce]');
const dialog = root.querySelector('[data-confirm]');
const note = document.querySelector('[data-demo-note]');
const skeletons = body.firstElementChild.cloneNode(true);

/** The retailer a shopper left for, to greet the return with. */
const LEFT_FOR = 'larkmeadow:left-for';

const announce = (text) => {
  announcer.textContent = text;
};

/** Where Subtotal Link sends the shopper back to: this page, at this block. */
function comeBack() {
  const here = new URL(window.location.href);
  here.hash = root.id;
  return here.href;
}

const handlers = {
  plainLinks: () => new URLSearchParams(window.location.search).get('linking') === 'plain',
  linkAddress: (retailer) => api.linkAddress(retailer, comeBack()),
  purchaseAddress: (retailer) => `/at/${encodeURIComponent(retailer.retailer_id)}`,
  leaving: (retailer) => sessionStorage.setItem(LEFT_FOR, retailer.retailer_id),

  async link(retailer, button) {
    await busy(button, 'Opening…', async () => {
      const address = await api.startLinkFlow(retailer, comeBack());
      handlers.leaving(retailer);
      window.location.href = address;
    });
  },

  async disconnect(retailer, button) {
    if (!(await confirmed(retailer))) return;
    await busy(button, 'Disconnecting…', async () => {
      await api.disconnect(retailer.connection.connection_id);
      await load({ quietly: true, focus: button.dataset.key });
      announce(`${retailer.name} is disconnected.`);
    });
  },
};

/** Runs `work` with the button saying so; a problem is shown in the button's card. A second click does nothing. */
async function busy(button, text, work) {
  if (button.getAttribute('aria-disabled') === 'true') return;
  const before = button.textContent;
  const place = button.closest('.retailer');
  place.querySelector('.problem')?.remove();
  button.setAttribute('aria-disabled', 'true');
  button.textContent = text;
  try {
    await work();
  } catch (error) {
    place.append(problemText(api.Problem.of(error)));
    button.textContent = before;
    button.removeAttribute('aria-disabled');
  }
}

/** Answers the question that is open. */
let answer = () => {};

/** Asks before disconnecting; Escape and the back gesture mean no. */
function confirmed(retailer) {
  answer(false);
  dialog.querySelector('[data-confirm-title]').textContent = `Disconnect ${retailer.name}?`;
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    answer = resolve;
  });
}

// Browsers tell of a close a little later, when the next question may be open already.
dialog.addEventListener('close', () => {
  if (!dialog.open) answer(dialog.returnValue === 'disconnect');
});

function show(state, ...content) {
  root.dataset.state = state;
  root.hidden = state === 'not-configured' || state === 'hidden';
  note.hidden = true;
  body.setAttribute('aria-busy', String(state === 'loading'));
  body.replaceChildren(...content);
}

/** For the demo only: why a real page would show nothing here. */
function remark(text) {
  note.replaceChildren(el('strong', {}, 'Demo note'), ` ${text}`);
  note.hidden = false;
}

function showSignedOut() {
  const back = window.location.pathname + window.location.search + `#${root.id}`;
  const address = `/customer_authentication/login?return_to=${encodeURIComponent(back)}`;
  show(
    'signed-out',
    el('div', { class: 'state' },
      el('h3', {}, 'Sign in to see your accounts'),
      el('p', {}, 'Your linked retailers belong to your Larkmeadow account.'),
      el('a', { class: 'button', href: address }, 'Sign in')),
  );
}

function showProblem(problem) {
  const retry = el('button', { type: 'button', class: 'button quiet' }, 'Try again');
  retry.addEventListener('click', () => {
    body.focus();
    load();
  });
  show('error', el('div', { class: 'state' }, problemText(problem), retry));
}

function showRetailers(retailers, focus) {
  if (retailers.length === 0) {
    show('empty', el('div', { class: 'state' }, el('h3', {}, 'No retailers to link yet'), el('p', {}, 'Come back soon.')));
    return;
  }
  show('ready', el('ul', { class: 'retailers' }, ...retailers.map((retailer) => card(retailer, handlers))));
  announce(retailers.length === 1 ? 'One retailer to link.' : `${retailers.length} retailers to link.`);
  if (focus) body.querySelector(`[data-key="${CSS.escape(focus)}"]`)?.focus();
  greetReturn(retailers);
}

/** After Subtotal Link: says so when the retailer the shopper left for is linked now. */
function greetReturn(retailers) {
  const left = sessionStorage.getItem(LEFT_FOR);
  sessionStorage.removeItem(LEFT_FOR);
  const linked = retailers.find((retailer) => retailer.retailer_id === left && retailer.connection?.status === 'active');
  banner.hidden = !linked;
  if (!linked) return;
  banner.textContent = `${linked.name} is linked. Your next bag there earns Seeds.`;
  announce(banner.textContent);
}

/** Asks the service and shows the answer. `quietly` keeps what is there until the new list has come. */
async function load({ quietly = false, focus } = {}) {
  if (!quietly) show('loading', skeletons.cloneNode(true));
  try {
    if (!(await api.isSubtotalConnectConfigured())) {
      show('not-configured');
      remark('/configuration answered 404: this shop has no Subtotal API key, so the block hides itself.');
      return;
    }
    if (root.dataset.signedIn !== 'true') {
      showSignedOut();
      return;
    }
    const [visibility, retailers] = await Promise.all([api.checkVisibility(), api.getRetailers()]);
    if (!visibility.blockVisible) {
      show('hidden');
      remark('/visibility answered blockVisible: false: the merchant’s rules hide the block from this shopper.');
      return;
    }
    const shown = retailers.filter((retailer) => !visibility.restrictedRetailerIds.includes(retailer.retailer_id));
    showRetailers(shown, focus);
    if (visibility.unread) remark('/visibility did not answer, so no rule was applied.');
  } catch (error) {
    const problem = api.Problem.of(error);
    if (problem.code === 'customer_not_signed_in') showSignedOut();
    else showProblem(problem);
  }
}

// The back button may bring this page from the browser's memory, with buttons that still say "Opening…".
window.addEventListener('pageshow', (event) => {
  if (event.persisted) load({ quietly: true });
});
document.addEventListener('linking-changed', () => load({ quietly: true }));
load();
