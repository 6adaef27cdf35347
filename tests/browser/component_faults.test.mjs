// Trouble and malice: a calm message, a way to try again, one request an action, and nothing of the data ever runs.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { counted, listed, mount } from './component.mjs';
import { Demo, PHONE, assertCalm, overflow, ready } from './demo.mjs';

let demo;

before(async () => {
  demo = await Demo.start();
});
after(() => demo?.stop());
afterEach(async () => {
  await demo.pull({ action: 'reset' });
});

const FAULTS = ['401', '403', '404', '409', '422', '429', '500', '503', 'hang', 'reset', 'nonsense', 'truncated'];
const EXPECTED = /status of (404|50[0-9]|4[0-9]{2})|ERR_/;
const pause = (page) => page.waitForTimeout(400);

/** Tries again until the service's breaker has closed; presses no more often than a person would. */
async function recovers(page, retry) {
  for (let presses = 0; presses < 20; presses += 1) {
    if ((await page.locator('subtotal-connect').getAttribute('data-state')) === 'ready') return;
    await retry();
    await page.waitForTimeout(500);
  }
  await ready(page);
}

test('every fault on loading is a calm message with a retry, and one request a press', async () => {
  const page = await demo.page({ shopper: 'maya' });
  for (const mode of FAULTS) {
    await demo.pull({ action: 'answer', mode, endpoint: 'GET /connections' });
    const calls = counted(page);
    await mount(demo, page);
    await ready(page, 'error');
    await page.getByRole('alert').filter({ hasText: 'That did not work. Please try again.' }).waitFor();
    await pause(page);
    assert.deepEqual(calls, { 'GET /visibility': 1, 'GET /retailers': 1 }, `${mode}: more than one request`);
    const retry = page.getByRole('button', { name: 'Try again' });
    await retry.dblclick();
    await page.locator('[aria-disabled]').waitFor({ state: 'detached' });
    await pause(page);
    assert.deepEqual(calls, { 'GET /visibility': 2, 'GET /retailers': 2 }, `${mode}: a press asks once`);
    const told = await page.evaluate(() => globalThis.told.filter(({ kind }) => kind === 'error'));
    assert.equal(told.length, 2);
    assert.match(told[0].code, /^[a-z_]+$/);
    await demo.pull({ action: 'reset' });
    await recovers(page, () => retry.click({ timeout: 1000 }).catch(() => {}));
    page.removeAllListeners('request');
  }
  assertCalm(page, EXPECTED);
  await page.context().close();
});

test('statuses nobody knows are no connection', async () => {
  const page = await demo.page({ shopper: 'maya' });
  await demo.pull({ action: 'answer', mode: 'unknown_status' });
  await mount(demo, page, { retailers: 'walmart' });
  await page.getByRole('button', { name: 'Link Walmart' }).waitFor();
  await page.context().close();
});

for (const mode of ['409', '429', '500', 'hang', 'reset', 'nonsense']) {
  test(`linking and disconnecting meet ${mode} once a press, and can be tried again`, async () => {
    const page = await demo.page({ shopper: 'maya' });
    await mount(demo, page);
    await ready(page);
    const calls = counted(page);
    // Slower than a double click, or its second press would rightly be another try.
    await demo.pull({ action: 'latency', milliseconds: 300 });
    await demo.pull({ action: 'answer', mode });
    const card = (retailer) => page.locator(`[data-retailer="${retailer}"]`);
    const link = card('costco').getByRole('button');
    await link.dblclick();
    await card('costco').getByRole('alert').waitFor();
    await card('walmart').getByRole('button').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click();
    await card('walmart').getByRole('alert').waitFor();
    await pause(page);
    assert.deepEqual(calls, { 'POST /connections': 1, 'POST /disconnect-connection': 1 });
    assert.equal(await page.locator('[aria-disabled]').count(), 0, 'a button stays dead');
    await demo.pull({ action: 'reset' });
    for (let presses = 0; presses < 20 && (await link.count()); presses += 1) {
      await link.click({ timeout: 1000 }).catch(() => {});
      await page.waitForTimeout(700);
    }
    await page.getByRole('heading', { name: /Costco/ }).waitFor();
    assertCalm(page, EXPECTED);
    await page.context().close();
  });
}

for (const [fault, answer] of Object.entries({ 'a broken line': 'abort', 'a page of HTML': { html: '<h1>Sorry</h1>' }, 'half a list': { retailers: null } })) {
  test(`${fault} is met with the same calm`, async () => {
    const page = await demo.page({ shopper: 'maya' });
    const calls = counted(page);
    await mount(demo, page, {}, { '/retailers': answer });
    await ready(page, 'error');
    await pause(page);
    assert.equal(calls['GET /retailers'], 1);
    await page.unroute('**/apps/subtotal/retailers');
    await page.getByRole('button', { name: 'Try again' }).click();
    await ready(page);
    assertCalm(page, EXPECTED);
    await page.context().close();
  });
}

const RUN = 'globalThis.hacked = true';
const HOSTILE = [
  { name: `<img src=x onerror="${RUN}">` },
  { name: `"><script>${RUN}</script>`, link_url: `javascript:${RUN}` },
  { name: 'متجر الأسبوع‮ evil', images: { logo: { light: `javascript:${RUN}`, dark: `javascript:${RUN}` } } },
  { name: 'x'.repeat(300), images: { logo: { light: `data:image/svg+xml,<svg onload="${RUN}"/>` } } },
  { name: `{name} ${'wide words '.repeat(27)}`, images: { logo: { light: 'http://127.0.0.1:1/gone.svg' } } },
  { name: "'\"&lt;", retailer_id: '"] :is(*) [x="', connection: { connection_id: `"><b>`, status: 'active' } },
];

test('hostile names, pictures and links run nothing and break no layout', async () => {
  for (const layout of ['list', 'grid']) {
    const page = await demo.page({ shopper: 'maya', viewport: { ...PHONE, width: 320 } });
    const answers = { '/retailers': listed(...HOSTILE), '/connections': { link_url: `javascript:${RUN}` } };
    const attributes = { layout, 'purchase-shop-0': `javascript:${RUN}`, 'login-url': `javascript:${RUN}` };
    await mount(demo, page, attributes, answers);
    await ready(page);
    await page.locator('bdi', { hasText: 'wide words' }).waitFor();
    assert.equal(await page.locator('[data-retailer]').count(), HOSTILE.length);
    assert.equal(await overflow(page), 0);
    const addresses = await page.locator('subtotal-connect :is(a, img)').evaluateAll((all) => all.map((one) => one.href ?? one.src));
    assert.deepEqual(addresses.filter((address) => !/^https?:/.test(address)), []);
    assert.equal(await page.locator('subtotal-connect :is(script, b, svg, img)').count(), 0, 'data became markup');

    await page.locator('[data-retailer="shop-1"] button').click();
    await page.locator('[data-retailer="shop-1"]').getByRole('alert').waitFor();
    await page.getByRole('button', { name: 'Disconnect: \'"&lt;' }).click();
    await page.getByRole('dialog').waitFor();
    assert.equal(await overflow(page), 0);
    assert.equal(await page.evaluate(() => globalThis.hacked), undefined);
    assert.equal(page.url(), demo.shop('/at/walmart'));
    await page.context().close();
  }
});
