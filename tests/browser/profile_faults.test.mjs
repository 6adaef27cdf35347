// Trouble and malice at the profile block: a calm message, a way to try again, one request an action, nothing that runs.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { listed } from './component.mjs';
import { Demo, PHONE, assertCalm, overflow } from './demo.mjs';
import { counted, openProfile, row, settled } from './profile.mjs';

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
const SAID = 'That did not work. Please try again.';
// Long enough that a loop would show.
const pause = (page) => page.waitForTimeout(400);

/** Tries again until the service's breaker has closed; presses no more often than a person would. */
async function recovers(page, retry) {
  for (let presses = 0; presses < 20 && (await retry.count()); presses += 1) {
    await retry.click({ timeout: 1000 }).catch(() => {});
    await page.waitForTimeout(500);
  }
  await row(page, 'Costco').waitFor();
}

test('every fault on loading is a calm message with a retry, and one request a press', async () => {
  const page = await demo.page({ shopper: 'maya' });
  for (const mode of FAULTS) {
    await demo.pull({ action: 'answer', mode, endpoint: 'GET /connections' });
    const calls = counted(page);
    await openProfile(demo, page);
    await page.getByRole('alert').filter({ hasText: SAID }).waitFor();
    await pause(page);
    assert.deepEqual(calls, { 'GET /visibility': 1, 'GET /retailers': 1 }, `${mode}: more than one request`);
    const retry = page.getByRole('button', { name: 'Try again' });
    await retry.dblclick();
    await page.locator('#profile-block [loading]').waitFor({ state: 'detached' });
    await pause(page);
    assert.deepEqual(calls, { 'GET /visibility': 2, 'GET /retailers': 2 }, `${mode}: a press asks once`);
    await demo.pull({ action: 'reset' });
    await recovers(page, retry);
    page.removeAllListeners('request');
  }
  assertCalm(page, EXPECTED);
  await page.context().close();
});

for (const mode of ['409', '429', '500', 'hang', 'reset', 'nonsense']) {
  test(`linking and disconnecting meet ${mode} once a press, and can be tried again`, async () => {
    const page = await demo.page({ shopper: 'maya' });
    await openProfile(demo, page);
    const calls = counted(page);
    // Slower than a double click, or its second press would rightly be another try.
    await demo.pull({ action: 'latency', milliseconds: 300 });
    await demo.pull({ action: 'answer', mode });
    const link = row(page, 'Costco').getByRole('button');
    await link.dblclick();
    await row(page, 'Costco').getByRole('alert').filter({ hasText: SAID }).waitFor();
    await row(page, 'Walmart').getByRole('button').click();
    await row(page, 'Walmart').locator('s-modal').getByRole('button', { name: 'Disconnect' }).click();
    await row(page, 'Walmart').getByRole('alert').filter({ hasText: SAID }).waitFor();
    await pause(page);
    assert.deepEqual(calls, { 'POST /connections': 1, 'POST /disconnect-connection': 1 });
    assert.equal(await page.locator('#profile-block [loading]').count(), 0, 'a button stays dead');
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

const LOST = { 'a broken line': 'abort', 'a page of HTML': { html: '<h1>Sorry</h1>' }, 'half a list': { retailers: null } };
for (const [fault, answer] of Object.entries(LOST)) {
  test(`${fault} is met with the same calm`, async () => {
    const page = await demo.page({ shopper: 'maya' });
    const calls = counted(page);
    await openProfile(demo, page, { '/*': answer });
    await page.getByRole('alert').filter({ hasText: SAID }).waitFor();
    await pause(page);
    assert.deepEqual(calls, { 'GET /visibility': 1, 'GET /retailers': 1 });
    await page.unroute('**/customer-account/*');
    await page.getByRole('button', { name: 'Try again' }).click();
    await row(page, 'Costco').waitFor();
    assertCalm(page, EXPECTED);
    await page.context().close();
  });
}

test('rules that can not be read hide nothing, and statuses nobody knows are no connection', async () => {
  const page = await demo.page({ shopper: 'maya' });
  await demo.pull({ action: 'answer', mode: 'unknown_status' });
  await openProfile(demo, page, { '/visibility': 'abort' });
  await row(page, 'Walmart').getByRole('button', { name: 'Link Walmart' }).waitFor();
  assertCalm(page, EXPECTED);
  await page.context().close();
});

const RUN = 'globalThis.hacked = true';
const HOSTILE = [
  { name: `<img src=x onerror="${RUN}">` },
  { name: `"><script>${RUN}</script>`, link_url: `javascript:${RUN}` },
  { name: 'متجر الأسبوع‮ evil', images: { icon: { light: `javascript:${RUN}`, dark: `javascript:${RUN}` } } },
  { name: 'x'.repeat(300), images: { icon: { light: `data:image/svg+xml,<svg onload="${RUN}"/>` } } },
  { name: `{{name}} ${'wide words '.repeat(27)}`, images: { icon: { light: 'http://127.0.0.1:1/gone.svg' } } },
  { name: "'\"&lt;", retailer_id: '"] :is(*) [x="', connection: { connection_id: '"><b>', status: 'active' } },
];

test('hostile names, pictures and links run nothing and break no layout', async () => {
  for (const width of [320, 1280]) {
    const page = await demo.page({ shopper: 'maya', viewport: { ...PHONE, width } });
    const answers = { '/retailers': listed(...HOSTILE), '/connections': { link_url: `javascript:${RUN}` } };
    const block = await openProfile(demo, page, answers);
    assert.deepEqual(await block.locator('s-text').allTextContents(), HOSTILE.map(({ name }) => name));
    assert.equal(await overflow(page), 0);
    const addresses = await block.locator(':is(a, img)').evaluateAll((all) => all.map((one) => one.href ?? one.src));
    assert.deepEqual(addresses.filter((address) => !/^https?:/.test(address)), []);
    assert.equal(await page.locator('#profile-block :is(script, b, img):not(s-image img)').count(), 0, 'data became markup');
    const isolated = await block.locator('s-text').evaluateAll((all) => all.every((one) => getComputedStyle(one).unicodeBidi === 'isolate'));
    assert.ok(isolated, 'a name turns the words beside it around');

    await block.getByRole('button', { name: /^Link "><script>/ }).click();
    await block.getByRole('alert').filter({ hasText: SAID }).waitFor();
    await page.getByRole('button', { name: 'Disconnect: \'"&lt;' }).click();
    await page.getByRole('dialog').waitFor();
    assert.equal(await overflow(page), 0);
    assert.equal(await page.evaluate(() => globalThis.hacked), undefined);
    assert.equal(page.url(), demo.shop('/account/profile'));
    await page.context().close();
  }
});
