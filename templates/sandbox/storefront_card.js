// One retailer as a card. Data only ever becomes text or an attribute, never markup.

/** Makes an element: `el('a', { href, class: 'x' }, 'text', child)`. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}

// initialized, disconnected and revoked are treated as "no connection", and so is any status not known yet.
const STATUS_TEXT = {
  active: 'Linked',
  unauthenticated: 'Needs you',
  initialized: 'Not finished',
  disconnected: 'Disconnected',
  revoked: 'Access ended',
};

const ABOUT = {
  active: () => 'New purchases earn Seeds.',
  unauthenticated: (name) => `${name} asks you to sign in again.`,
  initialized: () => 'You began linking; pick up where you left off.',
  disconnected: () => 'No longer collecting purchases.',
  revoked: (name) => `${name} ended the access. Link it again to go on.`,
};

/** The logo, light or dark with the page; the name in text when there is none or it does not load. */
function logo(retailer) {
  const { light, dark } = retailer.images?.logo ?? {};
  const name = el('span', { class: 'retailer-name' }, retailer.name);
  const source = light ?? dark;
  if (!source) return name;
  const image = el('img', { src: source, alt: retailer.name, class: 'retailer-logo', decoding: 'async' });
  const picture = el('picture', {}, dark ? el('source', { srcset: dark, media: '(prefers-color-scheme: dark)' }) : null, image);
  // A light logo on a dark page gets a plate, or dark letters would vanish into it.
  if (!dark) picture.classList.add('light-only');
  image.addEventListener('error', () => picture.replaceWith(name), { once: true });
  return picture;
}

/** The one main button for a status, and for an active account the way to disconnect. */
function actions(retailer, handlers) {
  const { name, connection } = retailer;
  const key = `main:${retailer.retailer_id}`;
  if (connection?.status === 'active') {
    const purchase = el('a', { class: 'button quiet', href: handlers.purchaseAddress(retailer) }, `Purchase on ${name}`);
    const off = el('button', { type: 'button', class: 'button plain', 'data-key': key, 'aria-label': `Disconnect ${name}` }, 'Disconnect');
    off.addEventListener('click', () => handlers.disconnect(retailer, off));
    return [purchase, off];
  }
  const reauth = connection?.status === 'unauthenticated';
  const text = reauth ? 'Login to sync new purchases' : `Link ${name}`;
  const label = reauth ? `${text}: ${name}` : undefined;
  const look = { class: reauth ? 'button warm' : 'button', 'data-key': key, 'aria-label': label };
  if (handlers.plainLinks()) {
    const link = el('a', { ...look, href: handlers.linkAddress(retailer) }, text);
    link.addEventListener('click', () => handlers.leaving(retailer));
    return [link];
  }
  const button = el('button', { ...look, type: 'button' }, text);
  button.addEventListener('click', () => handlers.link(retailer, button));
  return [button];
}

/** A problem in a few words, with the request id that finds it in the service's log. */
export function problemText(problem) {
  return el(
    'div',
    { class: 'problem', role: 'alert' },
    el('strong', {}, problem.title),
    problem.detail ? el('p', {}, problem.detail) : null,
    problem.requestId ? el('p', { class: 'request-id' }, 'Request ', el('code', {}, problem.requestId)) : null,
  );
}

/** A retailer's card. `handlers` does what the buttons say. */
export function card(retailer, handlers) {
  const status = retailer.connection?.status;
  const about = ABOUT[status]?.(retailer.name) ?? 'Not linked yet.';
  return el(
    'li',
    { class: 'retailer', 'data-retailer': retailer.retailer_id, 'data-status': status ?? 'none' },
    el(
      'div',
      { class: 'retailer-head' },
      el('h3', {}, logo(retailer)),
      STATUS_TEXT[status] ? el('span', { class: `chip ${status}` }, STATUS_TEXT[status]) : null,
    ),
    el('p', { class: 'retailer-about' }, about),
    el('div', { class: 'retailer-actions' }, ...actions(retailer, handlers)),
  );
}
