// The profile block: what each status shows and does, what is asked of the app, and how large it is.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { bundle } from '../bundle.mjs';
import { open } from './stand_in.mjs';

let code;
before(async () => {
  code = await bundle();
});

const VISIBLE = { blockVisible: true, restrictedRetailerIds: [] };
const LINK = 'https://link.subtotal.com/abc';

function backend({ status, visibility = VISIBLE, retailers, other = {} } = {}) {
  const connection = status && { connection_id: '01K', retailer_id: 'walmart', status };
  const walmart = { retailer_id: 'walmart', name: 'Walmart', link_url: LINK, images: {}, connection };
  return (path) => other[path] ?? {
    '/customer-account/visibility': visibility,
    '/customer-account/retailers': { retailers: retailers ?? [walmart] },
    '/customer-account/connections': { link_url: `${LINK}?connection_id=01K` },
    '/customer-account/disconnect-connection': { success: true },
  }[path];
}

const STATUSES = {
  none: 'Link Walmart',
  initialized: 'Link Walmart',
  disconnected: 'Link Walmart',
  revoked: 'Link Walmart',
  paused: 'Link Walmart',
  unauthenticated: 'Login to sync new purchases',
};

for (const [status, words] of Object.entries(STATUSES)) {
  test(`${status} shows "${words}", which opens Subtotal Link`, async () => {
    const page = await open(code, { answer: backend({ status: status === 'none' ? undefined : status }) });
    assert.deepEqual(page.buttons().map((button) => button.textContent), [words]);
    await page.press(words);
    const { method, headers, body } = page.calls.at(-1);
    assert.equal(method, 'POST');
    assert.equal(headers.Authorization, 'Bearer customer-token');
    const again = status === 'unauthenticated' ? { connectionId: '01K' } : {};
    assert.deepEqual(body, { retailerId: 'walmart', retailerLinkUrl: LINK, redirectUrl: '/account', ...again });
    assert.deepEqual(page.navigated, [`${LINK}?connection_id=01K`]);
  });
}

test('active shows where to purchase and "Disconnect", which asks first', async () => {
  const settings = { app_url: 'https://app.example/', purchase_links: 'walmart https://www.walmart.com/b\ntarget javascript:x' };
  const page = await open(code, { settings, answer: backend({ status: 'active' }) });
  const [purchase, ask] = page.buttons();
  assert.deepEqual([purchase.textContent, purchase.getAttribute('href')], ['Purchase on Walmart', 'https://www.walmart.com/b']);
  assert.deepEqual([ask.textContent, ask.getAttribute('command')], ['Disconnect', '--show']);
  assert.equal(page.document.querySelector('s-modal').getAttribute('heading'), 'Disconnect Walmart?');
  await page.press('Disconnect');
  const call = page.calls.find(({ path }) => path.endsWith('/disconnect-connection'));
  assert.deepEqual(call.body, { connectionId: '01K' });
  assert.deepEqual(page.toasts, ['Walmart disconnected']);
  assert.equal(page.calls.filter(({ path }) => path.endsWith('/retailers')).length, 2, 'the list is asked for again');
});

test('it asks the app by the second door, whatever the address ends in', async () => {
  const page = await open(code, { settings: { app_url: 'https://app.example//' }, answer: backend() });
  assert.deepEqual(page.calls.map(({ url }) => url).sort(), [
    'https://app.example/customer-account/retailers', 'https://app.example/customer-account/visibility',
  ]);
});

test('rules and the merchant decide what is shown', async () => {
  const named = (id) => ({ retailer_id: id, name: id, link_url: LINK });
  const retailers = [named('walmart'), named('target'), named('petco')];
  const visibility = { blockVisible: true, restrictedRetailerIds: ['petco'] };
  const chosen = { app_url: 'https://app.example', retailers: 'target, petco' };
  const page = await open(code, { settings: chosen, answer: backend({ retailers, visibility }) });
  assert.deepEqual(page.buttons().map((button) => button.textContent), ['Link target']);
  const hidden = await open(code, { answer: backend({ visibility: { ...visibility, blockVisible: false } }) });
  assert.equal(hidden.text(), '');
  const absent = await open(code, { answer: backend({ other: { '/customer-account/retailers': { status: 404, code: 'shop_not_configured' } } }) });
  assert.equal(absent.text(), '');
});

test('without the app\'s address only the editor says something', async () => {
  const settings = {};
  assert.equal((await open(code, { settings, answer: backend() })).text(), '');
  const editor = await open(code, { settings, editor: { type: 'checkout' }, answer: backend() });
  assert.match(editor.text(), /Enter the App URL/);
});

for (const [fault, answer] of Object.entries({
  'an error': { status: 502, code: 'subtotal_unavailable' },
  'a page of HTML': { html: '<h1>Sorry</h1>' },
})) {
  test(`${fault} is a calm message with a retry, one request a press`, async () => {
    const other = { '/customer-account/retailers': answer };
    const page = await open(code, { answer: backend({ other }) });
    assert.match(page.text(), /That did not work\. Please try again\./);
    assert.equal(page.calls.length, 2);
    delete other['/customer-account/retailers'];
    await page.press('Try again');
    assert.equal(page.calls.length, 4);
    assert.match(page.text(), /Link Walmart/);
  });
}

test('a second press while the first is on its way does nothing', async () => {
  const page = await open(code, { answer: backend() });
  const press = () => page.buttons()[0].click();
  press();
  await Promise.resolve();
  press();
  await page.rest();
  assert.equal(page.calls.filter(({ method }) => method === 'POST').length, 1);
  assert.equal(page.navigated.length, 1);
});

test('a link that is no address is not followed', async () => {
  const other = { '/customer-account/connections': { link_url: 'javascript:alert(1)' } };
  const page = await open(code, { answer: backend({ other }) });
  await page.press('Link Walmart');
  assert.deepEqual(page.navigated, []);
  assert.match(page.text(), /That did not work/);
});

test('the bundle stays below 64 KB', () => {
  assert.ok(code.length < 64 * 1024, `${code.length} bytes`);
  console.log(`bundle: ${code.length} bytes`);
});
