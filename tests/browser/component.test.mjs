// The component and the theme block: what each status shows and does, and how a page sets it.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { answering, listed, mount, problem } from './component.mjs';
import { Demo, accessibilityProblems, assertCalm, focused, overflow, ready } from './demo.mjs';

let demo;

before(async () => {
  demo = await Demo.start();
});
after(() => demo?.stop());
afterEach(async () => {
  await demo.pull({ action: 'reset' });
});

const row = (page, retailer) => page.locator(`[data-retailer="${retailer}"]`);

/** Where the component is met, and what the service says there. */
const PLACES = {
  component: async (page, state = 'ready', answers = {}) => {
    await mount(demo, page, { 'purchase-walmart': '/at/walmart', 'redirect-url': '/account' }, answers);
    await ready(page, state);
  },
  'theme block': async (page, state = 'ready', answers = {}) => {
    await answering(page, answers);
    await page.goto(demo.shop('/account'));
    await ready(page, state);
  },
};

const RULES = { '/visibility': { blockVisible: true, restrictedRetailerIds: [] } };
/** What is there instead of the list. */
const STATES = {
  hidden: { '/visibility': { ...RULES['/visibility'], blockVisible: false } },
  'not-configured': { ...RULES, '/retailers': problem(404, 'shop_not_configured') },
  error: { '/*': 'abort' },
  empty: { ...RULES, '/retailers': listed() },
  'signed-out': { '/*': problem(400, 'customer_not_signed_in') },
};
const SAID = {
  error: 'That did not work. Please try again.',
  empty: 'No accounts to link yet.',
  'signed-out': 'Sign in to link your accounts.',
};

/** What Maya has of each status, and the button Subtotal's documentation suggests. */
const STATUSES = {
  none: { retailer: 'costco', button: 'Link Costco' },
  initialized: { retailer: 'kroger', button: 'Link Kroger' },
  disconnected: { retailer: 'amazon', button: 'Link Amazon' },
  revoked: { retailer: 'walgreens', button: 'Link Walgreens' },
  unauthenticated: { retailer: 'target', button: 'Login to sync new purchases', again: true },
};

for (const [place, open] of Object.entries(PLACES)) {
  for (const [status, { retailer, button, again }] of Object.entries(STATUSES)) {
    test(`${place}: ${status} shows "${button}", which opens Subtotal Link`, async () => {
      const page = await demo.page({ shopper: 'maya' });
      await open(page);
      const found = row(page, retailer).getByRole('button');
      assert.deepEqual(await found.allTextContents(), [button]);
      const asked = page.waitForRequest((request) => request.url().endsWith('/apps/subtotal/connections'));
      await found.click();
      const body = (await asked).postDataJSON();
      assert.equal(body.retailerId, retailer);
      assert.equal('connectionId' in body, Boolean(again), 'only signing in again names the connection');
      assert.equal(new URL(body.redirectUrl).pathname, '/account');
      await page.locator('main.card').waitFor();
      assertCalm(page);
      await page.context().close();
    });
  }

  test(`${place}: active shows where to purchase and "Disconnect", which disconnects`, async () => {
    const page = await demo.page({ shopper: 'maya' });
    await open(page);
    const walmart = row(page, 'walmart');
    assert.equal(await walmart.getByRole('link', { name: 'Purchase on Walmart' }).getAttribute('href'), demo.shop('/at/walmart'));
    await walmart.getByRole('button', { name: 'Disconnect: Walmart' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click();
    await walmart.getByRole('button', { name: 'Link Walmart' }).waitFor();
    assert.equal(await focused(page), 'Link Walmart');
    assertCalm(page);
    await page.context().close();
  });
}

for (const [place, open] of Object.entries(PLACES)) {
  for (const [state, answers] of Object.entries(STATES)) {
    test(`${place}: ${state} says so or nothing, and axe finds nothing at 320 px`, async () => {
      const page = await demo.page({ shopper: 'maya', viewport: { width: 320, height: 640 } });
      await open(page, state, answers);
      assert.equal(await page.locator('subtotal-connect').isVisible(), state in SAID);
      if (SAID[state]) await page.getByText(SAID[state]).waitFor();
      assert.deepEqual(await accessibilityProblems(page, 'main'), []);
      assert.equal(await overflow(page), 0);
      assertCalm(page, /status of 4\d\d|ERR_FAILED/);
      await page.context().close();
    });
  }

  test(`${place}: axe finds nothing in the list at 320 px`, async () => {
    const page = await demo.page({ shopper: 'maya', viewport: { width: 320, height: 640 } });
    await open(page);
    assert.deepEqual(await accessibilityProblems(page, 'main'), []);
    assert.equal(await overflow(page), 0);
    await page.context().close();
  });
}

test('one retailer, several, and the wording of a merchant', async () => {
  const page = await demo.page({ shopper: 'maya' });
  await mount(demo, page, { retailers: 'kroger, costco', 'text-link': 'Join {name} now' });
  await ready(page);
  assert.deepEqual(await page.locator('[data-retailer] button').allTextContents(), ['Join Kroger now', 'Join Costco now']);
  assertCalm(page);
  await page.context().close();
});

for (const [lang, text] of Object.entries({ fr: 'Associer Shop 0', de: 'Shop 0 verknüpfen', 'es-MX': 'Vincular Shop 0', pt: 'Link Shop 0' })) {
  test(`the page's language ${lang} is the component's`, async () => {
    const page = await demo.page({ shopper: 'maya' });
    await mount(demo, page, { lang }, { '/retailers': listed({}) });
    await page.getByRole('button', { name: text }).waitFor();
    await page.context().close();
  });
}

test('back from Subtotal Link it asks again, and tells how it went', async () => {
  const page = await demo.page({ shopper: 'theo' });
  const leave = async () => {
    await mount(demo, page, { 'redirect-url': '/at/walmart?subtotal_link_result=success' });
    await ready(page);
    await row(page, 'publix').getByRole('button').click();
    await page.locator('main.card').waitFor();
  };
  await leave();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.waitForURL(/subtotal_link_result=success/);
  await mount(demo, page);
  await ready(page);
  const told = () => page.evaluate(() => globalThis.told.filter(({ kind }) => kind === 'exit' || kind === 'success'));
  assert.deepEqual(await told(), [{ kind: 'exit', retailerId: 'publix', name: 'Publix', status: 'initialized' }]);

  await leave();
  await page.getByLabel('User name').fill('shopper');
  await page.getByLabel('Password').fill('password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByLabel('One-time code').fill('123456');
  await page.keyboard.press('Enter');
  await page.waitForURL(/subtotal_link_result=success/);
  await mount(demo, page);
  await ready(page);
  assert.deepEqual(await told(), [{ kind: 'success', retailerId: 'publix', name: 'Publix', status: 'active' }]);
  await page.getByRole('status').filter({ hasText: 'Publix is linked.' }).waitFor({ state: 'attached' });
  assertCalm(page);
  await page.context().close();
});

test('a shop that is not configured shows nothing, but says why in the theme editor', async () => {
  for (const editor of [false, true]) {
    const page = await demo.page({ shopper: 'maya' });
    const answers = { '/retailers': problem(404, 'shop_not_configured') };
    const component = await mount(demo, page, editor ? { 'design-mode': '' } : {}, answers);
    await ready(page, 'not-configured');
    assert.equal(await component.isVisible(), editor);
    if (editor) await page.getByText('no Subtotal API key').waitFor();
    await page.context().close();
  }
});

test('a password page is trouble that the theme editor explains', async () => {
  const page = await demo.page({ shopper: 'maya' });
  await mount(demo, page, { 'design-mode': '' }, { '/*': { html: '<h1>Password</h1>' } });
  await ready(page, 'error');
  await page.getByText('Is the shop behind a password').waitFor();
  assertCalm(page);
  await page.context().close();
});

test('another base path is asked', async () => {
  const page = await demo.page({ shopper: 'maya' });
  await page.route('**/a/accounts/retailers', (route) => route.fulfill({ json: listed({}) }));
  await page.route('**/a/accounts/visibility', (route) => route.fulfill({ json: { blockVisible: true, restrictedRetailerIds: [] } }));
  await mount(demo, page, { 'base-path': '/a/accounts/' });
  await ready(page);
  assertCalm(page);
  await page.context().close();
});

test('a session that ended meanwhile leads to the login', async () => {
  const page = await demo.page({ shopper: 'maya' });
  await mount(demo, page);
  await ready(page);
  await page.context().clearCookies();
  await row(page, 'costco').getByRole('button').click();
  await ready(page, 'signed-out');
  await page.getByRole('link', { name: 'Sign in' }).waitFor();
  await page.context().close();
});
