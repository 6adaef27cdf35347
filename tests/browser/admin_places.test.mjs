// Redirects, Activity with its privacy requests, and Retailers.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { ADMIN_PAGES, documentOf, downloaded, openAdmin, pullShopify, save, saveBar, toasted } from './admin.mjs';
import { Demo, SHOPPERS, assertCalm, until } from './demo.mjs';

const REFUSED = /status of 400/;
const CONFLICT = /status of 409/;

let demo;

before(async () => {
  demo = await Demo.start();
});
after(() => demo?.stop());

async function open(name, options) {
  const { path, ready } = ADMIN_PAGES[name];
  const [page, app] = await openAdmin(demo, path, options);
  await ready(app);
  return [page, app];
}

/** The lines of Activity as their cells. */
async function lines(app) {
  const rows = await app.locator('[data-activity-rows] tr').all();
  return Promise.all(rows.map((row) => row.getByRole('cell').allInnerTexts()));
}

test('a host is added, saved and removed again', async () => {
  const [page, app] = await open('admin-redirects');
  const further = app.getByRole('list', { name: 'Further hosts' }).getByRole('listitem');
  await app.getByRole('list', { name: "Your store's domains" }).getByText('larkmeadow.myshopify.com').waitFor();
  // Where the demo's customer accounts are.
  await app.getByRole('button', { name: 'Remove 127.0.0.1' }).click();
  await app.getByText('No further host is allowed.').waitFor();
  await app.getByLabel('Host name').fill('Shop.Example.com');
  await app.getByRole('button', { name: 'Add host' }).click();
  await app.getByLabel('Host name').fill('headless.example.com');
  await app.getByLabel('Host name').press('Enter');
  await save(page);
  await toasted(page, 'Saved');
  await saveBar(page).waitFor({ state: 'hidden' });
  await page.reload();
  await further.first().waitFor();
  assert.deepEqual(await further.locator('.entry').allInnerTexts(), ['headless.example.com', 'shop.example.com']);

  await app.getByRole('button', { name: 'Remove shop.example.com' }).click();
  await saveBar(page).getByRole('button', { name: 'Discard' }).click();
  await app.getByRole('button', { name: 'Remove shop.example.com' }).click();
  await save(page);
  await until('the end of the host', async () => await further.count() === 1 && !await saveBar(page).isVisible());
  await page.reload();
  await further.first().waitFor();
  assert.deepEqual(await further.locator('.entry').allInnerTexts(), ['headless.example.com']);
  assertCalm(page);
  await page.context().close();
});

test('a wrong host is refused in words and stays to be mended', async () => {
  const [page, app] = await open('admin-redirects');
  const host = app.getByLabel('Host name');
  await host.fill('https://shop.example.com/thanks');
  await app.getByRole('button', { name: 'Add host' }).click();
  await app.getByText('Enter only the host name, such as shop.example.com.').waitFor();
  assert.equal(await saveBar(page).isVisible(), false);
  await host.fill('*.example.com');
  await app.getByRole('button', { name: 'Add host' }).click();
  await save(page);
  await app.getByText('Nothing was saved. “*.example.com”: expected a host name such as shop.example.com').waitFor();
  assert.equal(await host.getAttribute('aria-invalid'), 'true');
  assert.ok(!(await app.locator('main').innerText()).includes('redirectHosts'));
  await saveBar(page).waitFor();
  await app.getByRole('button', { name: 'Remove *.example.com' }).click();
  await host.fill('good.example.com');
  await host.press('Enter');
  await save(page);
  await toasted(page, 'Saved');
  assertCalm(page, REFUSED);
  await page.context().close();
});

test('hosts that somebody else saved meanwhile are not overwritten', async () => {
  const [one, two] = await Promise.all([open('admin-redirects'), open('admin-redirects', { staff: 'tom' })]);
  for (const [[page, app], host] of [[one, 'one.example.com'], [two, 'two.example.com']]) {
    await app.getByLabel('Host name').fill(host);
    await app.getByLabel('Host name').press('Enter');
    await save(page);
    if (page === one[0]) await toasted(page, 'Saved');
  }
  const [page, app] = two;
  await app.getByText('Somebody else changed the settings').waitFor();
  await app.getByRole('button', { name: 'Show their changes' }).click();
  await app.getByRole('button', { name: 'Remove one.example.com' }).waitFor();
  assert.equal(await app.getByText('two.example.com').count(), 0);
  assertCalm(page, CONFLICT);
  await Promise.all([one, two].map(([each]) => each.context().close()));
});

test('what staff did is told in words, filtered, downloaded and continued', async () => {
  const [page, app] = await open('admin-activity', { staff: 'tom' });
  const kind = app.getByLabel('Show', { exact: true });
  assert.ok((await lines(app)).some(([, who, what, details]) =>
    who === 'Command line' && what === 'Visibility list changed' && details === 'List of petco, on, 1 entry, entries changed'));
  // More than a page of them, by the calls the pages make.
  const failed = await (await documentOf(page)).evaluate(async () => {
    const json = { 'Content-Type': 'application/json' };
    let { version } = await (await fetch('/admin/api/settings')).json();
    for (let turn = 0; turn < 55; turn += 1) {
      const body = JSON.stringify({ noEmail: turn % 2 ? 'hide' : 'show', version });
      const answer = await fetch('/admin/api/settings', { method: 'PUT', headers: json, body });
      if (!answer.ok) return answer.status;
      ({ version } = await answer.json());
    }
    return null;
  });
  assert.equal(failed, null);
  await kind.selectOption('settings.');
  await app.getByText('50 lines shown, newest first').waitFor();
  for (const [, who, what, details] of (await lines(app)).slice(0, 2)) {
    assert.deepEqual([who, what], ['Staff member 90210000002', 'Settings changed']);
    assert.match(details, /^(Hidden from|Shown to) shoppers without an e-mail address$/);
  }
  await app.getByRole('button', { name: 'Show more' }).click();
  await app.getByText(/^(5[5-9]|6\d) lines shown, newest first$/).waitFor();
  await app.getByRole('button', { name: 'Show more' }).waitFor({ state: 'hidden' });
  const shown = (await lines(app)).length;
  assert.deepEqual([...new Set((await lines(app)).map(([, , what]) => what))], ['Settings changed', 'Klaviyo or Flow changed']);
  assert.ok((await lines(app)).some(([, , , details]) => /^Klaviyo, on, .*found by e-mail address$/.test(details)));

  const saved = await downloaded(page, () => app.getByRole('button', { name: 'Download CSV' }).click());
  const [head, ...records] = saved.text.trim().split('\r\n');
  assert.deepEqual([saved.name, head, records.length], ['activity.csv', 'at,actor,action,detail', shown]);
  assert.ok(records.every((record) => /,settings\.(integration_)?changed,/.test(record)));

  await kind.selectOption('webhook.');
  await app.getByText('Nothing of this kind yet.').waitFor();
  assert.equal(await app.locator('[data-activity-table]').isVisible(), false);
  assertCalm(page);
  await page.context().close();
});

test('refusals and webhooks are told in words', async () => {
  for (let turn = 0; turn < 2; turn += 1) assert.equal((await fetch(demo.shop('/apps/subtotal/visibility'))).status, 400);
  await pullShopify(demo, { action: 'deliver', topic: 'shop/update' });
  const [page, app] = await open('admin-activity');
  await until('the webhook', async () => {
    await page.reload();
    await ADMIN_PAGES['admin-activity'].ready(app);
    return (await lines(app)).some(([, who, what, details]) => who === 'Shopify' && what === 'Webhook: shop details changed' && details.startsWith('Done'));
  });
  assert.ok((await lines(app)).some(([, who, what, details]) =>
    who === 'Storefront' && what === 'Refused: A shopper was not signed in' && details === '2 times that day'));
  assertCalm(page);
  await page.context().close();
});

test("a customer's request is listed and its report downloaded", async () => {
  const [page, app] = await open('admin-activity');
  await app.getByText('No customer has asked for their data.').waitFor();
  await pullShopify(demo, { action: 'deliver', topic: 'customers/data_request', customer_id: SHOPPERS.maya });
  const button = app.getByRole('button', { name: `Download report for customer ${SHOPPERS.maya}` });
  await until('the request', async () => {
    await page.reload();
    await ADMIN_PAGES['admin-activity'].ready(app);
    return await button.count() === 1;
  });
  const saved = await downloaded(page, () => button.click());
  assert.equal(saved.name, 'data-request-9999.json');
  const report = JSON.parse(saved.text);
  assert.deepEqual([report.customerId, report.emailKnown, report.requests.length], [SHOPPERS.maya, true, 1]);
  await page.reload();
  await app.getByRole('cell', { name: "Report of a customer's data downloaded" }).waitFor();
  assert.ok((await lines(app)).every((cells) => !cells.join().includes(SHOPPERS.maya)));
  assertCalm(page);
  await page.context().close();
});

test('retailers show their logos, copy what links need and say who sees them', async () => {
  const [page, app] = await open('admin-retailers');
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  assert.equal(await app.locator('[data-list] > s-section').count(), 9);
  const walmart = app.locator('[data-list] > s-section').filter({ has: app.getByRole('heading', { name: 'Walmart' }) });
  for (const shade of ['light', 'dark']) {
    const logo = walmart.getByRole('img', { name: `Walmart on ${shade}` });
    await until(`the ${shade} logo`, () => logo.evaluate((image) => image.complete && image.naturalWidth > 0));
  }
  await app.getByText('No logo for dark pages').waitFor();
  const copies = async (name, wanted) => {
    await walmart.getByRole('button', { name, exact: true }).click();
    const read = async () => (await documentOf(page)).evaluate(() => navigator.clipboard.readText());
    await until(`what "${name}" copies`, async () => wanted.test(await read()));
  };
  await copies('Copy the link ID of Walmart', /^zklQOnlG$/);
  await toasted(page, 'Copied');
  await copies('Copy the link of Walmart', /^http.*\/zklQOnlG$/);
  await walmart.getByText('As a link in your theme').click();
  const anchor = '<a href="/apps/subtotal/link/zklQOnlG?redirect_url=%2Faccount">Link Walmart</a>';
  await walmart.getByText(anchor).waitFor();
  await copies('Copy the link snippet of Walmart', /^<a href="\/apps\/subtotal\/link\/zklQOnlG\?redirect_url=%2Faccount">Link Walmart<\/a>\s*$/);
  await walmart.getByText('From a script').click();
  await copies('Copy the script of Walmart', /fetch\(['"`]\/apps\/subtotal\/connections/);

  await app.getByText('Only 1 entry').waitFor();
  await app.getByRole('link', { name: 'Change for Petco' }).click();
  await app.getByRole('button', { name: 'Remove larkmeadow.example' }).waitFor();
  assertCalm(page);
  await page.context().close();
});
