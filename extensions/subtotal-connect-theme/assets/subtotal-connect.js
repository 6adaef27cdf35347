// <subtotal-connect>: see docs/storefront.md. Data only ever becomes text or a checked URL.

const WORDS = {
  en: {
    link: 'Link {name}', login: 'Login to sync new purchases', disconnect: 'Disconnect', purchase: 'Purchase on {name}',
    linked: 'Linked', question: 'Disconnect {name}?', stops: 'New purchases there will not be collected any more.',
    keep: 'Keep', gone: '{name} is disconnected.', done: '{name} is linked.',
    signin: 'Sign in', why: 'Sign in to link your accounts.', empty: 'There are no accounts to link yet.',
    failed: 'That did not work. Please try again.', retry: 'Try again',
  },
  fr: {
    link: 'Associer {name}', login: 'Se connecter pour suivre vos achats', disconnect: 'Dissocier', purchase: 'Acheter chez {name}',
    linked: 'Associé', question: 'Dissocier {name} ?', stops: 'Vos nouveaux achats n’y seront plus suivis.',
    keep: 'Garder', gone: '{name} est dissocié.', done: '{name} est associé.',
    signin: 'Se connecter', why: 'Connectez-vous pour les associer.', empty: 'Aucun compte à associer pour le moment.',
    failed: 'Cela n’a pas fonctionné. Veuillez réessayer.', retry: 'Réessayer',
  },
  de: {
    link: '{name} verknüpfen', login: 'Anmelden für neue Einkäufe', disconnect: 'Trennen', purchase: 'Bei {name} kaufen',
    linked: 'Verknüpft', question: '{name} trennen?', stops: 'Neue Einkäufe dort werden nicht mehr erfasst.',
    keep: 'Behalten', gone: '{name} ist getrennt.', done: '{name} ist verknüpft.',
    signin: 'Anmelden', why: 'Melde dich an, um deine Konten zu verknüpfen.', empty: 'Noch gibt es keine Konten zu verknüpfen.',
    failed: 'Das hat nicht geklappt. Bitte versuche es noch einmal.', retry: 'Noch einmal',
  },
  es: {
    link: 'Vincular {name}', login: 'Inicia sesión para ver nuevas compras', disconnect: 'Desvincular', purchase: 'Comprar en {name}',
    linked: 'Vinculada', question: '¿Desvincular {name}?', stops: 'Ya no se recogerán tus nuevas compras allí.',
    keep: 'Conservar', gone: '{name} se ha desvinculado.', done: '{name} se ha vinculado.',
    signin: 'Iniciar sesión', why: 'Inicia sesión para vincular tus cuentas.', empty: 'Todavía no hay cuentas para vincular.',
    failed: 'No ha funcionado. Inténtalo de nuevo.', retry: 'Reintentar',
  },
};

const STYLE = `
:host{display:block;color:var(--subtotal-color,inherit);font:inherit}
:host([hidden]){display:none}
ul{list-style:none;margin:0;padding:0;display:grid;gap:var(--subtotal-gap,12px)}
:host([layout=grid]) ul{grid-template-columns:repeat(auto-fill,minmax(min(100%,240px),1fr))}
li,.bone{box-sizing:border-box;display:flex;flex-wrap:wrap;align-items:center;justify-content:space-between;gap:8px 16px;min-height:72px;padding:12px 16px;border:1px solid var(--subtotal-border,#8886);border-radius:var(--subtotal-radius,8px);background:var(--subtotal-card,transparent)}
.bone{opacity:.4;animation:pulse 1.2s infinite alternate}
@keyframes pulse{to{opacity:.15}}
.name{min-width:0;flex:1 1 120px;overflow-wrap:anywhere;display:flex;flex-wrap:wrap;align-items:center;gap:8px}
img{display:block;max-width:160px;height:32px;object-fit:contain}
small{opacity:.8}
.does{display:flex;flex-wrap:wrap;gap:8px}
button,a{box-sizing:border-box;min-height:44px;padding:8px 16px;border:1px solid currentColor;border-radius:var(--subtotal-button-radius,6px);background:none;color:inherit;font:inherit;text-align:center;text-decoration:none;display:inline-flex;align-items:center;cursor:pointer;overflow-wrap:anywhere}
.main{background:var(--subtotal-button,CanvasText);color:var(--subtotal-button-text,Canvas)}
:focus-visible{outline:2px solid;outline-offset:2px}
[aria-disabled]{opacity:.6;cursor:default}
.problem{flex-basis:100%;margin:0}
.say{position:absolute;clip-path:inset(50%)}
dialog{box-sizing:border-box;max-width:min(420px,100% - 32px);padding:24px;border:0;border-radius:12px}
dialog b{display:block;overflow-wrap:anywhere}
@media(prefers-reduced-motion){.bone{animation:none}}`;

const LEFT = 'subtotal-connect:left-for';

const el = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value != null) element.setAttribute(key, value);
  element.append(...children.filter((child) => child != null));
  return element;
};

/** The address, if it is one that a page may lead to. */
const web = (address) => {
  const link = el('a', { href: address });
  return address && /^https?:$/.test(link.protocol) ? link.href : null;
};

class SubtotalConnect extends HTMLElement {
  #place = el('div');
  #said = el('div', { class: 'say', role: 'status' });
  #asked = 0;

  connectedCallback() {
    if (!this.shadowRoot) {
      const style = el('style');
      style.textContent = STYLE;
      this.attachShadow({ mode: 'open' }).append(style, el('slot'), this.#place, this.#said);
      addEventListener('pageshow', (event) => event.persisted && this.isConnected && this.refresh());
    }
    this.#show('loading', el('div', { 'aria-hidden': 'true' }, el('ul', {}, ...Array.from(
      { length: Number(this.getAttribute('placeholders')) || 3 }, () => el('div', { class: 'bone' })))));
    this.refresh();
  }

  /** Asks again what to show, and keeps what is there until then. */
  async refresh(focus) {
    const asked = ++this.#asked;
    // Rules that can not be read hide nothing: they are advice to pages.
    const rules = this.#ask('/visibility').catch(() => ({ blockVisible: true, restrictedRetailerIds: [] }));
    const answer = await this.#ask('/retailers').catch((problem) => ({ problem }));
    const { blockVisible, restrictedRetailerIds } = await rules;
    if (asked !== this.#asked) return;
    if (answer.problem) this.#failed(answer.problem);
    else if (!blockVisible) this.#hide('hidden', 'Hidden by the visibility rules.');
    else this.#list(answer.retailers.filter((each) => !restrictedRetailerIds.includes(each.retailer_id)), focus);
  }

  async #ask(path, body) {
    const base = (this.getAttribute('base-path') || '/apps/subtotal').replace(/\/+$/, '');
    const post = body && { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
    const response = await fetch(base + path, { signal: AbortSignal.timeout(15000), headers: { Accept: 'application/json' }, ...post })
      .catch(() => { throw { code: 'unreachable' }; });
    // A password page, and Shopify's own error, are HTML.
    const answer = /[/+]json\b/.test(response.headers.get('content-type')) ? await response.json().catch(() => null) : null;
    if (response.ok && answer) return answer;
    throw answer ? { code: answer.code, detail: answer.title, requestId: answer.request_id }
      : { code: 'not_json', detail: `${base + path} answered ${response.status} without JSON. Is the shop behind a password, or is base-path wrong?` };
  }

  #word(key, name) {
    const lang = (this.closest('[lang]')?.lang || 'en').slice(0, 2).toLowerCase();
    const word = this.getAttribute(`text-${key}`) || (WORDS[lang] || WORDS.en)[key];
    return word.replace('{name}', () => name);
  }

  #tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(`subtotal:${kind}`, { detail, bubbles: true, composed: true }));
  }

  #show(state, ...content) {
    this.hidden = false;
    this.dataset.state = state;
    this.#place.ariaBusy = state === 'loading';
    this.#place.replaceChildren(...content);
    this.#tell('event', { name: state });
  }

  #hide(state, why) {
    this.#show(state, this.#hint(why));
    this.hidden = !this.hasAttribute('design-mode');
  }

  /** For the theme editor only. */
  #hint(text) {
    return this.hasAttribute('design-mode') && text ? el('p', {}, text) : '';
  }

  #failed(problem) {
    if (problem.code === 'shop_not_configured') return this.#hide('not-configured', 'Enter your Subtotal API key in the app first.');
    if (problem.code === 'customer_not_signed_in') {
      const login = web(this.getAttribute('login-url') || `/customer_authentication/login?return_to=${encodeURIComponent(location.pathname)}`);
      return this.#show('signed-out', el('p', {}, this.#word('why')), el('a', { class: 'main', part: 'button', href: login }, this.#word('signin')));
    }
    const retry = el('button', { type: 'button', part: 'button' }, this.#word('retry'));
    retry.onclick = () => this.#busy(retry, () => this.refresh('button'));
    this.#show('error', el('p', { role: 'alert' }, this.#word('failed')), this.#hint(problem.detail), retry);
    this.#tell('error', problem);
  }

  #list(all, focus) {
    const wanted = this.getAttribute('retailers')?.match(/[^,\s]+/g);
    const shown = wanted ? all.filter((each) => wanted.includes(each.retailer_id)) : all;
    if (!shown.length) return this.#show('empty', el('p', {}, this.#word('empty')));
    this.#show('ready', el('ul', { part: 'list' }, ...shown.map((each) => this.#row(each))));
    if (focus) this.#place.querySelector(focus)?.focus();
    this.#greet(shown);
  }

  #row(retailer) {
    const { retailer_id: id, name, images, connection } = retailer;
    const status = connection?.status;
    const logo = images?.logo || {};
    const light = web(logo.light || logo.dark);
    const dark = web(logo.dark);
    const text = el('bdi', {}, name);
    const image = light && el('img', { src: light, alt: name, part: 'logo', decoding: 'async' });
    const title = image ? el('picture', {}, dark && el('source', { srcset: dark, media: this.getAttribute('dark-media') || '(prefers-color-scheme: dark)' }), image) : text;
    if (image) image.onerror = () => title.replaceWith(text);
    const main = (key, look, work) => {
      const button = el('button', { type: 'button', class: look, part: 'button', 'data-main': id }, this.#word(key, name));
      if (!button.textContent.includes(name)) button.ariaLabel = `${button.textContent}: ${name}`;
      button.onclick = () => this.#busy(button, work);
      return button;
    };
    let does = [main(status === 'unauthenticated' ? 'login' : 'link', 'main', () => this.#link(retailer))];
    if (status === 'active') {
      const shop = web(this.getAttribute(`purchase-${id}`));
      does = [shop && el('a', { class: 'main', part: 'button', href: shop }, this.#word('purchase', name)), main('disconnect', '', () => this.#disconnect(retailer))];
    }
    return el('li', { part: 'retailer', 'data-retailer': id, 'data-status': status },
      el('span', { class: 'name' }, title, status === 'active' ? el('small', {}, this.#word('linked')) : null),
      el('span', { class: 'does' }, ...does));
  }

  /** Runs an action once; a failure is said beside its button. */
  async #busy(button, work) {
    if (button.ariaDisabled) return;
    button.ariaDisabled = 'true';
    button.closest('li')?.querySelector('.problem')?.remove();
    try {
      await work();
    } catch (problem) {
      button.closest('li')?.append(el('p', { class: 'problem', role: 'alert' }, this.#word('failed')));
      this.#tell('error', problem);
    }
    button.ariaDisabled = null;
  }

  async #link({ retailer_id: id, link_url: linkUrl, connection }) {
    const redirectUrl = new URL(this.getAttribute('redirect-url') || '', location.href).href;
    const connectionId = connection?.status === 'unauthenticated' ? connection.connection_id : undefined;
    const answer = await this.#ask('/connections', { retailerId: id, retailerLinkUrl: linkUrl, redirectUrl, connectionId });
    const address = web(answer.link_url);
    if (!address) throw { code: 'bad_link_url' };
    sessionStorage.setItem(LEFT, id);
    this.#tell('event', { name: 'leaving', retailerId: id });
    location.assign(address);
  }

  async #disconnect({ retailer_id: id, name, connection }) {
    if (!(await this.#confirmed(name))) return;
    await this.#ask('/disconnect-connection', { connectionId: connection.connection_id });
    this.#tell('event', { name: 'disconnected', retailerId: id });
    await this.refresh(`[data-main="${CSS.escape(id)}"]`);
    this.#said.textContent = this.#word('gone', name);
  }

  #confirmed(name) {
    const choice = (value, key, look) => el('button', { value, class: look, part: 'button' }, this.#word(key));
    const dialog = el('dialog', { part: 'dialog', 'aria-label': this.#word('question', name) }, el('form', { method: 'dialog' },
      el('b', {}, this.#word('question', name)), el('p', {}, this.#word('stops')),
      el('div', { class: 'does' }, choice('', 'keep', ''), choice('yes', 'disconnect', 'main'))));
    this.shadowRoot.append(dialog);
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.onclose = () => {
        dialog.remove();
        resolve(dialog.returnValue === 'yes');
      };
    });
  }

  /** Back from Subtotal Link: the list says how it went. */
  #greet(shown) {
    const id = sessionStorage.getItem(LEFT);
    const retailer = shown.find((each) => each.retailer_id === id);
    if (!retailer) return;
    sessionStorage.removeItem(LEFT);
    const status = retailer.connection?.status;
    if (status === 'active') this.#said.textContent = this.#word('done', retailer.name);
    this.#tell(status === 'active' ? 'success' : 'exit', { retailerId: id, status });
  }
}

if (!customElements.get('subtotal-connect')) customElements.define('subtotal-connect', SubtotalConnect);
