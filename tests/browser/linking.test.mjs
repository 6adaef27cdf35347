// A shopper links, disconnects and meets trouble, in a real browser. Where it says so, with the keyboard alone.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { Demo, SHOP, SHOPPERS, assertCalm, focused, ready, tabTo } from './demo.mjs';

let demo;

before(async () => {
  demo = await Demo.start();
});
after(() => demo?.stop());
afterEach(async () => {
  await demo.pull({ action: 'reset' });
});

const card = (page, retailer) => page.locator(`[data-retailer="${retailer}"]`);

/** Waits for a card to have this status. */
const has = (page, retailer, status) => page.locator(`[data-retailer="${retailer}"][data-status="${status}"]`).waitFor();

/** Through Subtotal Link with the keyboard: a wrong password, then the code, each field focused by itself. */
async function throughLink(page) {
  await page.locator('#username:focus').waitFor();
  await page.keyboard.type('shopper');
  await page.keyboard.press('Tab');
  await page.keyboard.type('wrong');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').filter({ hasText: 'password is wrong' }).waitFor();
  await page.locator('#password:focus').waitFor();
  await page.keyboard.type('password');
  await page.keyboard.press('Enter');
  await page.locator('#code:focus').waitFor();
  await page.keyboard.type('000000');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').filter({ hasText: 'code is wrong' }).waitFor();
  await page.locator('#code:focus').waitFor();
  await page.keyboard.type('123456');
  await page.keyboard.press('Enter');
}

/** A visitor is answered 400, a wrong password or code 422; Chromium remarks on both. */
const WRONG_ON_PURPOSE = /status of 4(00|22)/;

test('the keyboard alone signs in, links by fetch and comes back', async () => {
  const page = await demo.page();
  await page.goto(demo.shop('/'));
  await ready(page, 'signed-out');
  await tabTo(page, 'link', 'Sign in');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await tabTo(page, 'button', /^Theo/);
  await page.keyboard.press('Enter');
  await ready(page);
  assert.equal(page.url(), demo.shop('/'));

  await tabTo(page, 'button', 'Link Costco');
  await page.keyboard.press('Enter');
  await throughLink(page);
  await has(page, 'costco', 'active');
  assert.equal(page.url(), demo.shop('/#link-accounts'));
  await page.locator('[data-banner]').filter({ hasText: 'Costco is linked' }).waitFor();
  assertCalm(page, WRONG_ON_PURPOSE);
  await page.context().close();
});

test('the keyboard alone links by a plain link', async () => {
  const page = await demo.page({ shopper: 'theo' });
  await page.goto(demo.shop('/pages/snippet'));
  await ready(page);
  await tabTo(page, 'link', 'Link Publix');
  await page.keyboard.press('Enter');
  await throughLink(page);
  await page.getByRole('heading', { name: 'A page of your own' }).waitFor();
  assert.equal(page.url(), demo.shop('/pages/snippet'));
  await page.goto(demo.shop('/account'));
  await has(page, 'publix', 'active');
  assertCalm(page, WRONG_ON_PURPOSE);
  await page.context().close();
});

test('a plain link leads a signed-out shopper through the login straight to the retailer', async () => {
  const page = await demo.page();
  await page.goto(demo.shop(`/apps/subtotal/link/iJ6sQo3V?redirect_url=${encodeURIComponent(demo.shop('/account'))}`));
  await page.getByRole('button', { name: /^Jonas/ }).click();
  await throughLink(page);
  await has(page, 'instacart', 'active');
  assert.equal(page.url(), demo.shop('/account'));
  assertCalm(page, WRONG_ON_PURPOSE);
  await page.context().close();
});

test('turning back on the Link page leads back with nothing linked', async () => {
  const page = await demo.page({ shopper: 'maya' });
  await page.goto(demo.shop('/'));
  await ready(page);
  await card(page, 'kroger').getByRole('button', { name: 'Link Kroger' }).click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await has(page, 'kroger', 'initialized');
  assert.equal(await page.locator('[data-banner]').isVisible(), false);
  assertCalm(page);
  await page.context().close();
});

test('disconnecting asks first, and Escape means no', async () => {
  const page = await demo.page({ shopper: 'maya' });
  await page.goto(demo.shop('/'));
  await ready(page);
  const dialog = page.getByRole('dialog', { name: 'Disconnect Walmart?' });
  for (const no of ['Escape', 'Enter']) {
    await tabTo(page, 'button', 'Disconnect: Walmart');
    await page.keyboard.press('Enter');
    await dialog.waitFor();
    assert.equal(await focused(page), 'Keep');
    await page.keyboard.press(no);
    await dialog.waitFor({ state: 'hidden' });
    assert.equal(await focused(page), 'Disconnect', `focus is lost after ${no}`);
    await has(page, 'walmart', 'active');
  }
  await page.keyboard.press('Enter');
  await dialog.waitFor();
  await tabTo(page, 'button', 'Disconnect');
  await page.keyboard.press('Enter');
  await has(page, 'walmart', 'disconnected');
  await page.getByRole('status').filter({ hasText: 'Walmart is disconnected.' }).waitFor({ state: 'attached' });
  assert.equal(await focused(page), 'Link Walmart', 'focus does not follow to the new button');
  assertCalm(page);
  await page.context().close();
});

test('each status has the button the documentation suggests', async () => {
  const page = await demo.page({ shopper: 'maya' });
  await page.goto(demo.shop('/account'));
  await ready(page);
  const buttons = (retailer) => card(page, retailer).locator('.does > *').allTextContents();
  const wanted = {
    walmart: ['Purchase on Walmart', 'Disconnect'],
    target: ['Login to sync new purchases'],
    amazon: ['Link Amazon'],
    kroger: ['Link Kroger'],
    walgreens: ['Link Walgreens'],
    costco: ['Link Costco'],
  };
  for (const [retailer, texts] of Object.entries(wanted)) assert.deepEqual(await buttons(retailer), texts);
  // A status nobody knows yet is treated as no connection.
  const { connections } = await demo.pull({ action: 'latency', milliseconds: 0 });
  const { connection_id } = connections.find((connection) => connection.retailer_id === 'walmart');
  await demo.pull({ action: 'status', connection_id, status: 'paused' });
  await page.reload();
  await ready(page);
  assert.deepEqual(await buttons('walmart'), ['Link Walmart']);
  assertCalm(page);
  await page.context().close();
});

test('a hidden retailer is not shown, and a hidden block not at all', async () => {
  const names = async (shopper) => {
    const page = await demo.page({ shopper });
    await page.goto(demo.shop('/'));
    await page.locator('subtotal-connect[data-state]:not([data-state="loading"])').waitFor({ state: 'attached' });
    const seen = await page.locator('[data-retailer]').evaluateAll((cards) => cards.map((one) => one.dataset.retailer));
    const visible = await page.locator('#link-accounts').isVisible();
    assertCalm(page);
    await page.context().close();
    return { seen, visible };
  };
  const [dana, maya] = [await names('dana'), await names('maya')];
  assert.ok(dana.seen.includes('petco') && !maya.seen.includes('petco'));
  assert.deepEqual(dana.seen.filter((retailer) => retailer !== 'petco'), maya.seen);
  await demo.showToListed(true);
  try {
    assert.deepEqual(await names('maya'), { seen: [], visible: false });
    assert.equal((await names('dana')).visible, true);
  } finally {
    await demo.showToListed(false);
  }
});

test('trouble is shown with a way to try again', async () => {
  const page = await demo.page({ shopper: 'maya' });
  await demo.pull({ action: 'answer', mode: '500' });
  await page.goto(demo.shop('/'));
  await ready(page, 'error');
  await page.getByRole('alert').filter({ hasText: 'That did not work.' }).waitFor();
  await tabTo(page, 'button', 'Try again');
  const answered = page.waitForResponse((response) => response.url().includes('/apps/subtotal/retailers'));
  await page.keyboard.press('Enter');
  // It is in trouble already: what counts is that it is again.
  await answered;
  await page.getByRole('button', { name: 'Try again', disabled: false }).waitFor();
  await ready(page, 'error');
  await demo.pull({ action: 'answer', mode: 'normal' });
  await page.getByRole('button', { name: 'Try again' }).click();
  await ready(page);

  // A call that fails leaves its own card, and the button can be pressed again.
  await demo.pull({ action: 'answer', mode: '500', endpoint: 'GET /connections', times: 1 });
  const button = card(page, 'amazon').getByRole('button', { name: 'Link Amazon' });
  await button.click();
  await card(page, 'amazon').getByRole('alert').waitFor();
  assert.equal(await button.textContent(), 'Link Amazon');
  await button.click();
  await page.getByRole('heading', { name: /Amazon/ }).waitFor();
  assertCalm(page, /status of 502/);
  await page.context().close();
});

test('a second click while the first is on its way does nothing', async () => {
  const page = await demo.page({ shopper: 'jonas' });
  await page.goto(demo.shop('/'));
  await ready(page);
  await demo.pull({ action: 'latency', milliseconds: 200 });
  let asked = 0;
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith('/apps/subtotal/connections')) asked += 1;
  });
  await card(page, 'kroger').getByRole('button').dblclick();
  await page.getByRole('heading', { name: 'Link your Kroger account' }).waitFor();
  const { connections } = await demo.pull({ action: 'latency', milliseconds: 0 });
  const made = connections.filter((one) => one.customer_id === SHOPPERS.jonas && one.retailer_id === 'kroger');
  assert.deepEqual([asked, made.length], [1, 1]);
  assertCalm(page);
  await page.context().close();
});

test('the page that refreshes instead of redirecting gets there too', async () => {
  const origin = await demo.serve({ REDIRECT_MODE: 'html' });
  const url = demo.command('sign', `${origin}/apps/subtotal/link/bU2fNg7A`, '--shop', SHOP, '--customer', SHOPPERS.theo);
  const page = await demo.page();
  const answer = await page.goto(url);
  assert.equal(answer.status(), 200);
  await page.getByRole('heading', { name: 'Link your Publix account' }).waitFor();
  assertCalm(page);
  await page.context().close();
});
