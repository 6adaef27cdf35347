// <subtotal-connect>, see docs/storefront.md. Data becomes text or a checked URL, never markup.

const WORDS = {
  en: {
    link: 'Link {name}', login: 'Login to sync new purchases', disconnect: 'Disconnect', purchase: 'Purchase on {name}',
    linked: 'Linked', question: 'Disconnect {name}?', stops: 'New purchases there will not be collected.',
    keep: 'Keep', gone: '{name} is disconnected.', done: '{name} is linked.',
    signin: 'Sign in', why: 'Sign in to link your accounts.', empty: 'No accounts to link yet.',
    failed: 'That did not work. Please try again.', retry: 'Try again',
  },
  fr: {
    link: 'Associer {name}', login: 'Se connecter pour suivre vos achats', disconnect: 'Dissocier', purchase: 'Acheter chez {name}',
    linked: 'Associé', question: 'Dissocier {name} ?', stops: 'Vos nouveaux achats n’y seront plus suivis.',
    keep: 'Garder', gone: '{name} est dissocié.', done: '{name} est associé.',
    signin: 'Se connecter', why: 'Connectez-vous pour les associer.', empty: 'Aucun compte à associer.',
    failed: 'Cela n’a pas fonctionné. Réessayez.', retry: 'Réessayer',
  },
  de: {
    link: '{name} verknüpfen', login: 'Anmelden für neue Einkäufe', disconnect: 'Trennen', purchase: 'Bei {name} kaufen',
    linked: 'Verknüpft', question: '{name} trennen?', stops: 'Neue Einkäufe dort werden nicht mehr erfasst.',
    keep: 'Behalten', gone: '{name} ist getrennt.', done: '{name} ist verknüpft.',
    signin: 'Anmelden', why: 'Melde dich an, um deine Konten zu verknüpfen.', empty: 'Noch keine Konten zu verknüpfen.',
    failed: 'Das hat nicht geklappt. Versuche es noch einmal.', retry: 'Noch einmal',
  },
  es: {
    link: 'Vincular {name}', login: 'Inicia sesión para ver nuevas compras', disconnect: 'Desvincular', purchase: 'Comprar en {name}',
    linked: 'Vinculada', question: '¿Desvincular {name}?', stops: 'Ya no se recogerán tus nuevas compras allí.',
    keep: 'Conservar', gone: '{name} se ha desvinculado.', done: '{name} se ha vinculado.',
    signin: 'Iniciar sesión', why: 'Inicia sesión para vincular tus cuentas.', empty: 'No hay cuentas para vincular.',
    failed: 'No ha funcionado. Inténtalo de nuevo.', retry: 'Reintentar',
  },
};

const STYLE = new CSSStyleSheet();
STYLE.replaceSync(`
:host{display:block;color:var(--subtotal-color,inherit);font:inherit}
:host([hidden]){display:none}
ul{list-style:none;margin:0;padding:0;display:grid;gap:var(--subtotal-gap,12px)}
:host([layout=grid]) ul{grid-template-columns:repeat(auto-fill,minmax(min(100%,260px),1fr))}
li,.card{box-sizing:border-box;display:flex;flex-wrap:wrap;align-items:center;justify-content:space-between;gap:12px 16px;min-height:70px;padding:12px 16px;border:1px solid var(--subtotal-border,#8886);border-radius:var(--subtotal-radius,8px);background:var(--subtotal-card,none)}
:host([layout=grid]) li{flex-flow:column;align-items:stretch;min-height:118px}
:host([layout=grid]) li>*{flex:none}
.bone{opacity:.5;animation:pulse 1.2s infinite alternate}
@keyframes pulse{to{opacity:.2}}
p{margin:0;flex:1 1 160px;overflow-wrap:anywhere}
.name{min-width:0;flex:99 1 120px;overflow-wrap:anywhere;display:flex;flex-wrap:wrap;align-items:center;justify-content:space-between;gap:8px}
img{display:block;max-width:140px;height:28px;object-fit:contain}
.does{flex:auto;display:flex;flex-wrap:wrap;gap:8px}
.does>*{flex:auto}
button,a{box-sizing:border-box;min-height:44px;padding:8px 16px;border:1px solid;border-radius:var(--subtotal-button-radius,6px);background:none;color:inherit;font:inherit;text-align:center;text-decoration:none;display:inline-flex;align-items:center;justify-content:center;overflow-wrap:anywhere;cursor:pointer}
.main{background:var(--subtotal-button,CanvasText);color:var(--subtotal-button-text,Canvas);border-color:transparent}
:focus-visible{outline:2px solid;outline-offset:2px}
[aria-disabled]{opacity:.6}
.problem{flex-basis:100%}
.say{position:absolute;clip-path:inset(50%)}
dialog{overflow-wrap:anywhere;box-sizing:border-box;width:420px;max-width:calc(100% - 32px);padding:24px;border:0;border-radius:12px}
dialog p{margin:8px 0 24px}
::backdrop{background:#0008}
@media(max-width:480px){.bone{min-height:122px}}
@media(prefers-reduced-motion){.bone{animation:none}}`);

const SIGNED_OUT = 'customer_not_signed_in';
const LEFT = 'subtotal-connect:left-for';
let kept = {};
try {
  kept = sessionStorage;
} catch {}

const el = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value != null) element.setAttribute(key, value);
  element.append(...children.filter((child) => child != null));
  return element;
};

/** The address, if a page may lead there. */
const web = (address) => {
  const link = el('a', { href: address });
  return address && /^https?:$/.test(link.protocol) ? link.href : null;
};

class SubtotalConnect extends HTMLElement {
  #place = el('div');
  #said = el('div', { class: 'say', role: 'status' });
  #asked = 0;
  #dark;

  connectedCallback() {
    if (!this.shadowRoot) {
      this.attachShadow({ mode: 'open' }).append(el('slot'), this.#place, this.#said);
      this.shadowRoot.adoptedStyleSheets = [STYLE];
      const again = () => this.isConnected && this.refresh();
      addEventListener('pageshow', (event) => event.persisted && again());
      this.#dark = matchMedia(this.getAttribute('dark-media') || '(prefers-color-scheme: dark)');
      this.#dark.onchange = again;
    }
    const length = this.getAttribute('placeholders') || 3;
    this.#show('loading', el('ul', { 'aria-hidden': true }, ...Array.from({ length }, () => el('li', { class: 'bone' }))));
    this.refresh();
  }

  async refresh(focus) {
    const asked = ++this.#asked;
    const rules = this.#ask('/visibility').catch(() => ({}));
    let problem;
    const all = await this.#ask('/retailers').then(({ retailers }) => [...retailers]).catch((error) => {
      problem = error;
    });
    // Rules that can not be read hide nothing.
    const { blockVisible = true, restrictedRetailerIds = [] } = await rules;
    if (asked !== this.#asked) return;
    if (problem) this.#failed(problem);
    else if (!blockVisible) this.#hide('hidden', 'Hidden by visibility rules.');
    else this.#list(all.filter((each) => !restrictedRetailerIds.includes(each.retailer_id)));
    if (focus) (this.#place.querySelector(focus) || this.#place.querySelector('button,a'))?.focus();
  }

  async #ask(path, body) {
    const base = (this.getAttribute('base-path') || '/apps/subtotal').replace(/\/+$/, '');
    const post = body && { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
    const response = await fetch(base + path, { signal: AbortSignal.timeout(15000), ...post })
      .catch(() => { throw { code: 'unreachable' }; });
    // A password page is HTML.
    const answer = /[/+]json\b/.test(response.headers.get('content-type')) ? await response.json().catch(() => null) : null;
    if (response.ok && answer) return answer;
    throw answer ? { code: answer.code, detail: answer.title, requestId: answer.request_id }
      : { code: 'not_json', detail: `${base + path}: ${response.status} and no JSON. Is the shop behind a password, or base-path wrong?` };
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

  #say(state, key, ...does) {
    this.#show(state, el('div', { class: 'card', part: 'message' }, el('p', { role: state === 'error' ? 'alert' : null }, this.#word(key)), ...does));
  }

  #hide(state, why) {
    this.#show(state, this.#hint(why));
    this.hidden = !this.hasAttribute('design-mode');
  }

  // In the theme editor.
  #hint(text) {
    return this.hasAttribute('design-mode') && text ? el('p', {}, text) : '';
  }

  #failed(problem) {
    if (problem.code === 'shop_not_configured') return this.#hide('not-configured', 'The app has no Subtotal API key yet.');
    if (problem.code === SIGNED_OUT) {
      const login = web(this.getAttribute('login-url') || `/customer_authentication/login?return_to=${encodeURIComponent(location.pathname)}`);
      return this.#say('signed-out', 'why', el('a', { class: 'main', part: 'button', href: login }, this.#word('signin')));
    }
    const retry = el('button', { part: 'button' }, this.#word('retry'));
    retry.onclick = () => this.#busy(retry, () => this.refresh('button'));
    this.#say('error', 'failed', this.#hint(problem.detail), retry);
    this.#tell('error', problem);
  }

  #list(all) {
    const wanted = this.getAttribute('retailers')?.match(/[^,\s]+/g);
    const shown = wanted ? all.filter((each) => wanted.includes(each.retailer_id)) : all;
    if (!shown.length) return this.#say('empty', 'empty');
    this.#show('ready', el('ul', { part: 'list' }, ...shown.map((each) => this.#row(each))));
    this.#greet(shown);
  }

  #row(retailer) {
    const { retailer_id: id, name, images, connection } = retailer;
    const status = connection?.status;
    const text = el('bdi', {}, name);
    const address = web(images?.logo?.[this.#dark.matches ? 'dark' : 'light']);
    const image = address && el('img', { src: address, alt: name, part: 'logo' });
    if (image) image.onerror = () => image.replaceWith(text);
    const main = (key, look, work) => {
      const button = el('button', { class: look, part: 'button', 'data-main': id }, this.#word(key, name));
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
      el('span', { class: 'name' }, image || text, status === 'active' ? el('small', {}, this.#word('linked')) : null),
      el('span', { class: 'does' }, ...does));
  }

  async #busy(button, work) {
    if (button.ariaDisabled) return;
    button.ariaDisabled = 'true';
    button.closest('li')?.querySelector('.problem')?.remove();
    try {
      await work();
    } catch (problem) {
      if (problem.code === SIGNED_OUT) return this.#failed(problem);
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
    kept[LEFT] = id;
    this.#tell('event', { name: 'leaving', retailerId: id });
    location.assign(address);
    // Busy while the page is left.
    return new Promise((over) => setTimeout(over, 9000));
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
    const question = this.#word('question', name);
    const dialog = el('dialog', { part: 'dialog', 'aria-label': question }, el('form', { method: 'dialog' },
      el('b', {}, question), el('p', {}, this.#word('stops')),
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

  // Back from Subtotal Link, the list says how it went.
  #greet(shown) {
    const id = kept[LEFT];
    const retailer = shown.find((each) => each.retailer_id === id);
    if (!retailer) return;
    delete kept[LEFT];
    const status = retailer.connection?.status;
    if (status === 'active') this.#said.textContent = this.#word('done', retailer.name);
    this.#tell(status === 'active' ? 'success' : 'exit', { retailerId: id, name: retailer.name, status });
  }
}

if (!customElements.get('subtotal-connect')) customElements.define('subtotal-connect', SubtotalConnect);
