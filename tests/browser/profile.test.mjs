// The profile block in the demo's customer accounts: what each status shows and does, by the second door, across origins.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { problem } from './component.mjs';
import { Demo, SHOP, accessibilityProblems, assertCalm, overflow, tabTo } from './demo.mjs';
import { buttons, counted, isHidden, openProfile, row, settled } from './profile.mjs';

let demo;

before(async () => {
  demo = await Demo.start();
});
after(() => demo?.stop());
afterEach(async () => {
  await demo.pull({ action: 'reset' });
});

/** What Maya has of each status, and the button Subtotal's documentation suggests. */
const STATUSES = {
  none: { name: 'Costco', button: 'Link Costco' },
  initialized: { name: 'Kroger', button: 'Link Kroger' },
  disconnected: { name: 'Amazon', button: 'Link Amazon' },
  revoked: { name: 'Walgreens', button: 'Link Walgreens' },
  unauthenticated: { name: 'Target', button: 'Login to sync new purchases', again: true },
};

async function throughLink(page) {
  await page.getByLabel('User name').fill('shopper');
  await page.getByLabel('Password').fill('password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByLabel('One-time code').fill('123456');
  await page.keyboard.press('Enter');
}

for (const [status, { name, button, again }] of Object.entries(STATUSES)) {
  test(`${status} shows "${button}", which links, from sign-in to Subtotal Link and back`, async () => {
    const page = await demo.page();
    await page.goto(demo.shop('/account/profile'));
    await page.getByRole('button', { name: /^Maya/ }).last().click();
    await settled(page);
    assert.equal(page.url(), demo.shop('/account/profile'));
    assert.deepEqual(await buttons(page, name), [button]);
    const asked = page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/connections'));
    await row(page, name).getByRole('button').click();
    const request = await asked;
    assert.equal(request.url(), new URL('/customer-account/connections', demo.places.service).href);
    assert.notEqual(new URL(request.url()).origin, new URL(page.url()).origin, 'the call crosses origins');
    assert.match(await request.headerValue('authorization'), /^Bearer ey/);
    const body = request.postDataJSON();
    assert.equal(body.retailerId, name.toLowerCase());
    assert.equal('connectionId' in body, Boolean(again), 'only signing in again names the connection');
    assert.equal(body.redirectUrl, demo.shop('/account/profile'));
    await page.locator('main.card').waitFor();
    await throughLink(page);
    await page.waitForURL((url) => url.pathname === '/account/profile');
    await settled(page);
    assert.deepEqual(await buttons(page, name), [`Purchase on ${name}`, 'Disconnect']);
    assertCalm(page);
    await page.context().close();
  });
}

test('active shows where to purchase and "Disconnect", which asks first, disconnects and keeps the focus', async () => {
  const page = await demo.page({ shopper: 'maya' });
  await openProfile(demo, page);
  assert.deepEqual(await buttons(page, 'Walmart'), ['Purchase on Walmart', 'Disconnect']);
  const shop = row(page, 'Walmart').getByRole('link', { name: 'Purchase on Walmart' });
  assert.equal(await shop.getAttribute('href'), demo.shop('/at/walmart'));
  const calls = counted(page);
  await row(page, 'Walmart').getByRole('button', { name: 'Disconnect: Walmart' }).click();
  const question = page.getByRole('dialog', { name: 'Disconnect Walmart?' });
  await question.waitFor();
  const dialog = row(page, 'Walmart').locator('s-modal');
  await dialog.getByText('New purchases there will not be collected.').waitFor();
  await dialog.getByRole('button', { name: 'Keep' }).click();
  await question.waitFor({ state: 'hidden' });
  assert.deepEqual(calls, {}, 'keeping asks nothing');
  await row(page, 'Walmart').getByRole('button', { name: 'Disconnect: Walmart' }).click();
  await dialog.getByRole('button', { name: 'Disconnect', exact: true }).click();
  await page.getByRole('status').filter({ hasText: 'Walmart disconnected' }).waitFor();
  await row(page, 'Walmart').getByRole('button', { name: 'Link Walmart' }).waitFor();
  assert.deepEqual(await buttons(page, 'Walmart'), ['Link Walmart']);
  assert.deepEqual(calls, { 'POST /disconnect-connection': 1, 'GET /visibility': 1, 'GET /retailers': 1 });
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Link Walmart');
  assertCalm(page);
  await page.context().close();
});

test('a cancelled linking is no link', async () => {
  const page = await demo.page({ shopper: 'theo' });
  await openProfile(demo, page);
  await row(page, 'Publix').getByRole('button').click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.waitForURL((url) => url.pathname === '/account/profile');
  await settled(page);
  assert.deepEqual(await buttons(page, 'Publix'), ['Link Publix']);
  assertCalm(page);
  await page.context().close();
});

test('the keyboard alone links, and disconnects', async () => {
  const page = await demo.page({ shopper: 'maya' });
  await openProfile(demo, page);
  await tabTo(page, 'button', 'Disconnect: Walmart');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await tabTo(page, 'button', 'Disconnect');
  await page.keyboard.press('Enter');
  await row(page, 'Walmart').getByRole('button', { name: 'Link Walmart' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Link Walmart');
  await page.keyboard.press('Enter');
  await page.locator('main.card').waitFor();
  assertCalm(page);
  await page.context().close();
});

test('what the rules hide is not shown, and a hidden block not at all', async () => {
  const names = async (shopper) => {
    const page = await demo.page({ shopper });
    const block = await openProfile(demo, page);
    const seen = await block.locator('s-text').allTextContents();
    const hidden = await isHidden(page);
    assert.equal(await page.getByText('The profile block hides itself').isVisible(), hidden, 'the demo says so');
    assertCalm(page);
    await page.context().close();
    return seen;
  };
  const [dana, maya] = [await names('dana'), await names('maya')];
  assert.ok(dana.includes('Petco') && !maya.includes('Petco'));
  assert.deepEqual(dana.filter((name) => name !== 'Petco'), maya);
  await demo.showToListed(true);
  try {
    assert.deepEqual(await names('maya'), []);
    assert.deepEqual(await names('dana'), dana);
  } finally {
    await demo.showToListed(false);
  }
});

test('a shop that is not configured shows nothing', async () => {
  const page = await demo.page({ shopper: 'maya' });
  await openProfile(demo, page, { '/retailers': problem(404, 'shop_not_configured') });
  assert.equal(await isHidden(page), true);
  assertCalm(page, /status of 404/);
  await page.context().close();
});

test('a session that ended meanwhile is met with calm', async () => {
  const page = await demo.page({ shopper: 'maya' });
  await openProfile(demo, page);
  await page.context().clearCookies();
  const calls = counted(page);
  await row(page, 'Costco').getByRole('button').click();
  await row(page, 'Costco').getByRole('alert').waitFor();
  assert.deepEqual(calls, {}, 'without a token nothing is asked');
  assertCalm(page, /status of 401/);
  await page.context().close();
});

const VISIBLE = { '/visibility': { blockVisible: true, restrictedRetailerIds: [] } };
const STATES = {
  rows: {},
  dialog: { act: (page) => page.getByRole('button', { name: 'Disconnect: Walmart' }).click() },
  error: { answers: { ...VISIBLE, '/retailers': problem(502, 'subtotal_unavailable') } },
  empty: { answers: { ...VISIBLE, '/retailers': { retailers: [] } } },
};

for (const [state, { answers, act }] of Object.entries(STATES)) {
  test(`axe finds nothing in ${state}, and it fits 320 px and 200 % zoom`, async () => {
    for (const dark of [false, true]) {
      const page = await demo.page({ shopper: 'maya', dark, viewport: { width: 320, height: 640 } });
      await openProfile(demo, page, answers);
      await act?.(page);
      assert.deepEqual(await accessibilityProblems(page, 'main'), []);
      assert.equal(await overflow(page), 0, '320 px');
      await page.evaluate(() => document.documentElement.style.setProperty('font-size', '200%'));
      assert.equal(await overflow(page), 0, '320 px and text of 200 %');
      await page.context().close();
    }
  });
}

for (const [locale, words] of Object.entries({ 'de-AT': 'Costco verknüpfen', fr: 'Associer Costco', es: 'Vincular Costco', pt: 'Link Costco' })) {
  test(`the customer's language ${locale} is the block's`, async () => {
    const page = await demo.page({ shopper: 'maya', locale });
    await openProfile(demo, page);
    assert.deepEqual(await buttons(page, 'Costco'), [words]);
    await page.context().close();
  });
}
