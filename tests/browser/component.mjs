// The component on a page of the demo's storefront that has none of its own, with answers of the test's choosing.

const API = '/apps/subtotal';

/** Opens a bare page of the shop with one component on it. `answers` replaces what the service says, by path. */
export async function mount(demo, page, attributes = {}, answers = {}) {
  await answering(page, answers);
  await page.goto(demo.shop('/at/walmart'));
  await page.evaluate((given) => {
    const element = document.createElement('subtotal-connect');
    for (const [name, value] of Object.entries(given)) element.setAttribute(name, value);
    globalThis.told = [];
    for (const kind of ['success', 'error', 'exit', 'event']) {
      document.addEventListener(`subtotal:${kind}`, ({ detail }) => globalThis.told.push({ kind, ...detail }));
    }
    const main = document.createElement('main');
    main.append(element);
    document.body.replaceChildren(main);
    const script = document.createElement('script');
    script.type = 'module';
    script.src = '/assets/subtotal-connect.js';
    document.head.append(script);
  }, attributes);
  await page.locator('subtotal-connect[data-state]').waitFor({ state: 'attached' });
  return page.locator('subtotal-connect');
}

/** Replaces what the service says, by path. */
export async function answering(page, answers) {
  for (const [path, answer] of Object.entries(answers)) await page.route(`**${API}${path}`, (route) => reply(route, answer));
}

function reply(route, answer) {
  if (answer === 'never') return undefined;
  if (answer === 'abort') return route.abort();
  if (answer.html) return route.fulfill({ status: answer.status ?? 200, contentType: 'text/html', body: answer.html });
  const contentType = answer.code ? 'application/problem+json' : 'application/json';
  return route.fulfill({ status: answer.status ?? 200, contentType, body: JSON.stringify(answer) });
}

export const problem = (status, code) => ({ status, code, title: code, detail: code, request_id: '01TEST' });

/** A list of retailers as the service answers it. */
export const listed = (...retailers) => ({
  retailers: retailers.map((retailer, index) => ({
    retailer_id: `shop-${index}`,
    name: `Shop ${index}`,
    link_url: `https://link.subtotal.com/abc${index}`,
    images: {},
    ...retailer,
  })),
});

/** Counts calls of the service by `METHOD /path`, from now on. */
export function counted(page) {
  const calls = {};
  page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (!pathname.startsWith(`${API}/`)) return;
    const call = `${request.method()} ${pathname.slice(API.length)}`;
    calls[call] = (calls[call] ?? 0) + 1;
  });
  return calls;
}
