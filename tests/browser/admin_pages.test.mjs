// Every page of the admin, and what it shows when something is the matter, at desktop and phone width: no sideways
// scrolling, nothing red in the console, no serious finding of axe, and no more to load than promised.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import {
  ADMIN_PAGES, ADMIN_PHONE, API_KEY, adminOverflow, adminProblems, listLoaded, openAdmin, pullShopify, save,
} from './admin.mjs';
import { DESKTOP, Demo, SHOPPERS, assertCalm, ready as blockReady, until } from './demo.mjs';

const LIMIT_BYTES = 60_000;
const WIDTHS = { desktop: DESKTOP, phone: ADMIN_PHONE };

let demo;

/** Something to show on every page: counts, refusals, a request for data and events. */
before(async () => {
  demo = await Demo.start();
  const shopper = await demo.page({ shopper: 'maya' });
  await shopper.goto(demo.shop('/'));
  await blockReady(shopper);
  await shopper.context().close();
  await fetch(demo.shop('/apps/subtotal/visibility'));
  await pullShopify(demo, { action: 'deliver', topic: 'customers/data_request', customer_id: SHOPPERS.maya });
  for (const name of ['relink', 'purchases', 'lose-login']) {
    demo.command('scenario', name, '--levers', demo.places.levers, '--customer', SHOPPERS.theo, '--json');
  }
});
after(() => demo?.stop());

/** States of a page that only come about by doing something. */
const STATES = {
  'the question before a key is removed': {
    path: '/subtotal',
    reach: async (page, app) => {
      await app.getByRole('button', { name: 'Remove key' }).click();
      await app.getByRole('dialog').waitFor();
    },
  },
  'a key that is refused': {
    path: '/subtotal',
    reach: async (page, app) => {
      await app.getByRole('button', { name: 'Replace key' }).click();
      await app.getByLabel('Subtotal API key').fill(`${API_KEY}-wrong`);
      await app.getByRole('button', { name: 'Test key' }).click();
      await app.getByText('The key can not be used').waitFor();
    },
  },
  'snippets': {
    path: '/retailers',
    reach: async (page, app) => {
      await app.getByText('As a link in your theme').first().click();
      await app.getByText('From a script').first().click();
      await app.locator('pre').nth(1).waitFor();
    },
  },
  'bad lines of a list': {
    path: '/visibility?scope=walmart',
    trouble: /status of 400/,
    reach: async (page, app) => {
      await listLoaded(app);
      await app.getByLabel('E-mail addresses and domains').fill(`fine@example.com\n${'a-very-long-line-without-a-domain'.repeat(4)}`);
      await save(page);
      await app.getByText('Nothing was changed: 1 line is wrong').waitFor();
    },
  },
  'who gains and who loses, and removing everything': {
    path: '/visibility?scope=petco',
    reach: async (page, app) => {
      await listLoaded(app);
      await app.getByRole('button', { name: 'Remove all entries' }).click();
      await app.getByLabel('As this shopper').fill('maya@example.com');
      await app.getByRole('button', { name: 'Show who gains and loses' }).click();
      await app.getByText('Lose', { exact: true }).waitFor();
    },
  },
  'a shopper seen': {
    path: '/preview',
    reach: async (page, app) => {
      await app.getByLabel('E-mail address').fill('maya@example.com');
      await app.getByRole('button', { name: 'See what they see' }).click();
      await app.getByText('No entry of the list matches').waitFor();
    },
  },
  'the tries of a delivery': {
    path: '/events',
    reach: async (page, app) => {
      await app.getByRole('button', { name: /^Tries: Purchase/ }).first().click();
      await app.getByRole('region', { name: 'Answer of try 1' }).waitFor();
    },
  },
  'a test event that was sent': {
    path: '/integrations',
    reach: async (page, app) => {
      await app.locator('[data-test-event]').getByRole('textbox').first().fill('priya@larkmeadow.example');
      await app.locator('[data-test-event]').getByRole('button', { name: /Send/ }).click();
      await app.getByText('It was delivered', { exact: true }).waitFor();
    },
  },
  'a wrong host': {
    path: '/redirects',
    reach: async (page, app) => {
      await app.getByLabel('Host name').fill('https://example.com');
      await app.getByRole('button', { name: 'Add host' }).click();
      await app.getByText('Enter only the host name').waitFor();
    },
  },
};
for (const [name, { path, ready }] of Object.entries(ADMIN_PAGES)) STATES[name] = { path, reach: (page, app) => ready(app) };

for (const [name, { path, reach, trouble }] of Object.entries(STATES)) {
  for (const [width, viewport] of Object.entries(WIDTHS)) {
    test(`${name}: sound on a ${width}`, async () => {
      const [page, app] = await openAdmin(demo, path, { viewport });
      await reach(page, app);
      assert.equal(await adminOverflow(page), 0, 'the page scrolls sideways');
      assert.deepEqual(await adminProblems(page), []);
      assert.equal(await app.locator('html').getAttribute('lang'), 'en');
      assertCalm(page, trouble);
      await page.context().close();
    });
  }
}

test('every page is one document and two assets, and light', async () => {
  const service = new URL(demo.places.service).origin;
  for (const [name, { path, ready }] of Object.entries(ADMIN_PAGES)) {
    const page = await demo.page();
    const answers = [];
    page.on('response', (answer) => {
      const { origin, pathname } = new URL(answer.url());
      if (origin === service && !pathname.startsWith('/admin/api/')) answers.push(answer);
    });
    await page.goto(new URL(`/store/larkmeadow/apps/subtotal-connect${path}`, demo.places.admin).href);
    await ready(page.frameLocator('iframe[name=app-iframe]'));
    const kinds = answers.map((answer) => answer.request().resourceType()).toSorted();
    assert.deepEqual(kinds, ['document', 'script', 'stylesheet'], name);
    const bodies = await Promise.all(answers.map((answer) => answer.body()));
    const weight = bodies.reduce((sum, body) => sum + body.length, 0);
    assert.ok(weight < LIMIT_BYTES, `${name} has ${weight} bytes`);
    await page.context().close();
  }
});

test('the menu of the narrow admin leads to every page', async () => {
  const [page, app] = await openAdmin(demo, '', { viewport: ADMIN_PHONE });
  await ADMIN_PAGES['admin-home'].ready(app);
  for (const name of ['Connection to Subtotal', 'Retailers', 'Visibility', 'See as shopper', 'Redirects', 'Activity']) {
    await page.getByRole('button', { name: 'Menu' }).click();
    await page.getByRole('link', { name, exact: true }).click();
    await app.getByRole('heading', { name, exact: true, level: 1 }).waitFor();
    await until(`the end of the menu on ${name}`, async () => !await page.getByRole('link', { name, exact: true }).isVisible());
  }
  assertCalm(page);
  await page.context().close();
});
