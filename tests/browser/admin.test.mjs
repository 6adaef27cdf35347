// A member of staff installs the app, connects it to Subtotal and looks at Home. Where it says so, with the keyboard
// alone.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { API_KEY, appOf, documentOf, openAdmin, pullShopify, tabInApp, toasted } from './admin.mjs';
import { Demo, SHOP, assertCalm, ready, until } from './demo.mjs';

let demo;

before(async () => {
  demo = await Demo.start();
});
after(() => demo?.stop());

/** Without a key, the app says so with 404 where a page asks for retailers. */
const NO_KEY = /status of 404/;

/** Waits until the steps of the guide say this. */
async function stepsSay(app, states) {
  for (const [name, state] of Object.entries(states)) {
    await app.locator(`[data-step="${name}"] [data-state]`).getByText(state, { exact: true }).waitFor();
  }
}

async function removeKey(app) {
  await app.getByRole('button', { name: 'Remove key' }).click();
  const question = app.getByRole('dialog', { name: 'Remove the API key?' });
  await question.waitFor();
  await app.getByText('stops offering account linking').waitFor();
  await app.locator('#remove-key').getByRole('button', { name: 'Remove key' }).click();
  await question.waitFor({ state: 'hidden' });
  await app.getByText('Without a key your storefront answers').waitFor();
}

/** Makes the shop one that does not have the app: nothing of it is stored, and Shopify asks before it opens. */
async function leave() {
  await pullShopify(demo, { action: 'uninstall' });
  await pullShopify(demo, { action: 'redact_shop' });
  await until('the end of what is stored', () => !demo.command('shop', 'list').includes(SHOP));
}

test('a shop that does not have the app installs it and finds the setup guide', async () => {
  await leave();
  const [page, app] = await openAdmin(demo);
  await page.getByRole('heading', { name: 'Install Subtotal Connect' }).waitFor();
  await page.getByText('View customers: e-mail address').waitFor();
  await page.getByRole('button', { name: 'Install' }).click();
  await app.getByText('0 of 5 steps done.').waitFor();
  await stepsSay(app, { key: 'To do', accepted: 'To do', retailers: 'To do', storefront: 'To do', linked: 'To do' });
  await app.getByText('No API key is stored yet.').waitFor();
  assert.ok(demo.command('shop', 'list').includes(SHOP));
  assertCalm(page);
  await page.context().close();
});

test('a first load without a token installs by way of the bounce page', async () => {
  await leave();
  await pullShopify(demo, { action: 'install' });
  const seen = [];
  const page = await demo.page();
  page.on('request', (request) => request.resourceType() === 'document' && seen.push(new URL(request.url())));
  let stripped = false;
  await page.route(/\/admin\?.*id_token=/, (route) => {
    if (stripped) return route.continue();
    stripped = true;
    const url = new URL(route.request().url());
    ['id_token', 'hmac', 'session'].forEach((name) => url.searchParams.delete(name));
    return route.fulfill({ status: 302, headers: { location: url.href } });
  });
  await page.goto(demo.places.admin);
  await appOf(page).getByText('0 of 5 steps done.').waitFor();
  const service = new URL(demo.places.service).origin;
  const loads = seen.filter(({ origin }) => origin === service).slice(-3)
    .map((url) => [url.pathname, url.searchParams.has('id_token')]);
  assert.deepEqual(loads, [['/admin', false], ['/admin/session-token', false], ['/admin', true]]);
  assertCalm(page);
  await page.context().close();
});

test('a page of the app that is opened by itself comes into the frame', async () => {
  const page = await demo.page();
  await page.goto(new URL('/admin/redirects', demo.places.service).href);
  await appOf(page).getByRole('heading', { name: 'Redirects', exact: true }).waitFor();
  assert.ok(page.url().startsWith(demo.places.admin) && page.url().endsWith('/redirects'), page.url());
  assertCalm(page);
  await page.context().close();
});

test('a wrong key says why it failed and can not be saved', async () => {
  const [page, app] = await openAdmin(demo, '/subtotal');
  const [field, save] = [app.getByLabel('Subtotal API key'), app.getByRole('button', { name: 'Save key' })];
  await app.getByText('Without a key your storefront answers').waitFor();
  assert.equal(await save.isDisabled(), true);
  await field.fill('sk-wrong');
  await app.getByRole('button', { name: 'Test key' }).click();
  await app.getByText('The key can not be used').waitFor();
  await app.getByText('Subtotal does not accept the API key.').waitFor();
  assert.equal(await save.isDisabled(), true);

  // Enter in the field tests and does not save, and what can not be a key is refused in words.
  await field.fill('two words');
  assert.equal(await app.getByText('The key can not be used').count(), 0);
  await field.press('Enter');
  await app.getByText('The key must be visible ASCII characters without spaces').waitFor();
  assert.equal(await save.isDisabled(), true);

  // Subtotal that is down is no wrong key.
  await demo.pull({ action: 'answer', mode: '500' });
  await field.fill(API_KEY);
  await app.getByRole('button', { name: 'Test key' }).click();
  await app.getByText('Subtotal could not be reached.').waitFor();
  await demo.pull({ action: 'answer', mode: 'normal' });
  assert.equal(await save.isDisabled(), true);
  await page.reload();
  await app.getByText('Without a key your storefront answers').waitFor();
  assertCalm(page, /status of 400/);
  await page.context().close();
});

test('the keyboard alone enters a key, tests and saves it', async () => {
  const [page, app] = await openAdmin(demo, '/subtotal');
  await app.getByText('Without a key your storefront answers').waitFor();
  await tabInApp(page, 'textbox', /Subtotal API key/);
  await page.keyboard.type(API_KEY);
  await tabInApp(page, 'button', 'Test key');
  await page.keyboard.press('Space');
  await app.getByText('The key works').waitFor();
  await app.getByText(/^Subtotal answered in \d+ ms and lists 9 retailers\. You can save the key now\.$/).waitFor();
  await tabInApp(page, 'button', 'Save key');
  await page.keyboard.press('Enter');
  await toasted(page, 'Key saved');
  await app.getByText('A key is stored, ending in -key').waitFor();
  const html = await (await documentOf(page)).content();
  assert.ok(!html.includes(API_KEY));
  assertCalm(page);
  await page.context().close();
});

test('with a key the first steps are done, and the storefront does the rest', async () => {
  const [page, app] = await openAdmin(demo);
  await stepsSay(app, { key: 'Done', accepted: 'Done', retailers: 'Done', storefront: 'To do', linked: 'To do' });
  await app.getByText('9 retailers found.').waitFor();
  await app.getByText(/^Subtotal answered in \d+ ms\.$/).waitFor();
  await app.getByText('No shopper has linked an account yet.').waitFor();
  await app.getByText('None lately.').waitFor();

  const shopper = await demo.page({ shopper: 'maya' });
  await shopper.goto(demo.shop('/'));
  await ready(shopper);
  await shopper.context().close();
  for (let visits = 0; visits < 3; visits += 1) {
    assert.equal((await fetch(demo.shop('/apps/subtotal/visibility'))).status, 400);
  }
  // What passed by is written down a moment later.
  await until('the shopper on Home', async () => {
    await page.reload();
    await app.locator('[data-connections]:not([aria-busy])').waitFor();
    return (await app.locator('[data-step="linked"] [data-state]').textContent()) === 'Done';
  });
  await app.getByText('Everything is set up.').waitFor();
  await stepsSay(app, { key: 'Done', accepted: 'Done', retailers: 'Done', storefront: 'Done', linked: 'Done' });
  await app.getByText('1 account is linked.').waitFor();
  await app.getByText(/A shopper was not signed in – 3 times, last /).waitFor();
  const rows = (caption) => app.getByRole('table', { name: caption }).getByRole('row');
  const texts = async (caption) => (await rows(caption).allTextContents()).slice(1);
  assert.deepEqual((await texts('By state')).toSorted(),
    ['Disconnected1', 'Linked1', 'Needs a new login1', 'Revoked1', 'Started, not finished1']);
  assert.deepEqual((await texts('By retailer')).toSorted(), ['Amazon1', 'Kroger1', 'Target1', 'Walgreens1', 'Walmart1']);
  assertCalm(page);
  await page.context().close();
});

test('a key is replaced, and removed after a question', async () => {
  const [page, app] = await openAdmin(demo, '/subtotal');
  const field = app.getByLabel('Subtotal API key');
  await app.getByRole('button', { name: 'Replace key' }).click();
  await field.fill('half a thought');
  await app.getByRole('button', { name: 'Cancel' }).click();
  await field.waitFor({ state: 'hidden' });
  await app.getByRole('button', { name: 'Replace key' }).click();
  assert.equal(await field.inputValue(), '');
  await field.fill(API_KEY);
  await field.press('Enter');
  await app.getByText('The key works').waitFor();
  await app.getByRole('button', { name: 'Save key' }).click();
  await toasted(page, 'Key saved');

  await app.getByRole('button', { name: 'Remove key' }).click();
  await app.getByRole('button', { name: 'Keep key' }).click();
  await app.getByText('A key is stored').waitFor();
  await removeKey(app);
  await toasted(page, 'Key removed');
  await page.getByRole('link', { name: 'Retailers' }).click();
  await app.getByText('No API key yet').waitFor();
  await page.getByRole('link', { name: 'Subtotal Connect', exact: true }).first().click();
  await stepsSay(app, { key: 'To do', accepted: 'To do', retailers: 'To do' });
  assertCalm(page, NO_KEY);
  await page.context().close();
});

test('a key that Subtotal takes back is a problem on Home', async () => {
  const [page, app] = await openAdmin(demo, '/subtotal');
  await app.getByLabel('Subtotal API key').fill(API_KEY);
  await app.getByRole('button', { name: 'Test key' }).click();
  await app.getByText('The key works').waitFor();
  await app.getByRole('button', { name: 'Save key' }).click();
  await toasted(page, 'Key saved');
  await demo.pull({ action: 'answer', mode: '401' });
  await page.getByRole('link', { name: 'Subtotal Connect', exact: true }).first().click();
  await stepsSay(app, { key: 'Done', accepted: 'Problem' });
  await app.getByText('Not working').waitFor();
  await app.getByText('Subtotal does not accept the API key.').waitFor();
  await demo.pull({ action: 'answer', mode: 'normal' });
  assertCalm(page);
  await page.context().close();
});
