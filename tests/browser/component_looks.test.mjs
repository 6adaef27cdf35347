// How the component looks and feels: accessibility, narrow and enlarged, dark, calm, small and fast.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { listed, mount, problem } from './component.mjs';
import { Demo, accessibilityProblems, assertCalm, focused, overflow, ready, tabTo } from './demo.mjs';

let demo;

before(async () => {
  demo = await Demo.start();
});
after(() => demo?.stop());
afterEach(async () => {
  await demo.pull({ action: 'reset' });
});

const row = (page, retailer) => page.locator(`[data-retailer="${retailer}"]`);

const VISIBLE = { '/visibility': { blockVisible: true, restrictedRetailerIds: [] } };
const STATES = {
  list: { attributes: { 'purchase-walmart': '/at/walmart' } },
  grid: { attributes: { layout: 'grid' } },
  dialog: { act: (page) => page.getByRole('button', { name: 'Disconnect: Walmart' }).click() },
  'signed-out': { shopper: null },
  error: { answers: { ...VISIBLE, '/retailers': problem(502, 'subtotal_unavailable') } },
  empty: { answers: { ...VISIBLE, '/retailers': listed() } },
  loading: { answers: { '/retailers': 'never' } },
};

for (const [state, { shopper = 'maya', attributes, answers, act }] of Object.entries(STATES)) {
  test(`axe finds nothing in ${state}, and it fits 320 px and 200 % zoom`, async () => {
    for (const dark of [false, true]) {
      const page = await demo.page({ shopper, dark, viewport: { width: 320, height: 640 } });
      const component = await mount(demo, page, attributes, answers);
      const rest = { dialog: 'ready', list: 'ready', grid: 'ready' }[state] ?? state;
      await ready(page, rest);
      await act?.(page);
      assert.deepEqual(await accessibilityProblems(page, 'subtotal-connect'), []);
      assert.equal(await overflow(page), 0, '320 px');
      await page.evaluate(() => document.documentElement.style.setProperty('font-size', '200%'));
      await component.evaluate((element) => element.style.setProperty('font-size', '200%'));
      assert.equal(await overflow(page), 0, '320 px and text of 200 %');
      const low = await page.locator('subtotal-connect :is(button, a)').evaluateAll((all) => all.filter((one) => one.offsetHeight < 44).length);
      assert.equal(low, 0, 'a target is lower than 44 px');
      await page.context().close();
    }
  });
}

test('the keyboard alone disconnects, and the focus stays with the retailer', async () => {
  const page = await demo.page({ shopper: 'maya' });
  await mount(demo, page);
  await ready(page);
  await tabTo(page, 'button', 'Disconnect: Walmart');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Disconnect Walmart?' }).waitFor();
  assert.equal(await focused(page), 'Keep');
  await tabTo(page, 'button', 'Disconnect');
  await page.keyboard.press('Enter');
  await row(page, 'walmart').getByRole('button', { name: 'Link Walmart' }).waitFor();
  assert.equal(await focused(page), 'Link Walmart');
  await page.context().close();
});

test('logos follow the colour scheme, and motion the wish for less of it', async () => {
  const page = await demo.page({ shopper: 'maya', dark: true });
  await mount(demo, page);
  await ready(page);
  const logo = (tone) => row(page, 'walmart').locator(`img[src$="walmart-logo-${tone}.svg"]`).waitFor();
  await logo('dark');
  assert.equal(await row(page, 'publix').locator('img').count(), 0, 'a light logo would vanish on a dark page');
  await page.emulateMedia({ colorScheme: 'light' });
  await logo('light');
  await mount(demo, page, {}, { '/retailers': 'never' });
  const moves = () => page.locator('.bone').first().evaluate((bone) => getComputedStyle(bone).animationName);
  assert.equal(await moves(), 'none');
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  assert.equal(await moves(), 'pulse');
  await page.context().close();
});

const SCRIPT = '/assets/subtotal-connect.js';
const LOADS = 7;
const median = (numbers) => numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)];

/** Opens a page of the shop and measures until it rests: layout shifts, the longest task, and the component's part in it. */
async function load(page, path) {
  await page.goto(demo.shop(path));
  await page.locator('subtotal-connect').waitFor({ state: 'attached' });
  await page.waitForLoadState('networkidle');
  return page.evaluate(() => globalThis.seen);
}

function measure(script) {
  const seen = { shift: 0, longest: 0, ours: 0 };
  globalThis.seen = seen;
  const watch = (type, note) =>
    new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
  watch('layout-shift', ({ hadRecentInput, value }) => {
    if (!hadRecentInput) seen.shift += value;
  });
  watch('longtask', ({ duration }) => {
    seen.longest = Math.max(seen.longest, duration);
  });
  // Frames of more than 50 ms, with the scripts that ran in them.
  watch('long-animation-frame', ({ scripts }) => {
    const ours = scripts.filter(({ sourceURL }) => sourceURL.endsWith(script)).map(({ duration }) => duration);
    seen.ours = Math.max(seen.ours, ...ours);
  });
}

test('the demo pages load still, and the component makes no long task', async () => {
  const page = await demo.page({ shopper: 'maya' });
  const bare = await demo.page({ shopper: 'maya' });
  for (const each of [page, bare]) await each.addInitScript(measure, SCRIPT);
  await bare.route(`**${SCRIPT}`, (route) => route.fulfill({ contentType: 'text/javascript', body: '' }));
  // Long enough for the skeleton to be painted, which is what the list replaces.
  await demo.pull({ action: 'latency', milliseconds: 150 });
  // The block in the middle of the window, with the shop's shelf below it to push, and on the account page.
  for (const path of ['/#link-accounts', '/account']) {
    const [runs, without] = [[], []];
    for (let nth = 0; nth < LOADS; nth += 1) {
      const url = path.replace(/(?=#|$)/, `?load=${nth}`);
      runs.push(await load(page, url));
      await ready(page);
      without.push(await load(bare, url));
    }
    const of = (all, what) => all.map((run) => run[what]);
    // A busy machine makes tasks long, the page's without the component too: what counts is what it adds, and by medians.
    const [longest, bareLongest] = [median(of(runs, 'longest')), median(of(without, 'longest'))];
    const told = `${path}: ${JSON.stringify({ runs, without })}`;
    assert.ok(longest <= Math.max(50, bareLongest + 25), told);
    assert.ok(median(of(runs, 'ours')) <= 50, told);
    // A shift is never excused.
    assert.ok(Math.max(...of(runs, 'shift')) <= 0.05, told);
    console.log(`${path}: longest task ${longest} ms, ${bareLongest} ms without; shift ${Math.max(...of(runs, 'shift'))}`);
  }
  assertCalm(page);
  for (const each of [page, bare]) await each.context().close();
});

test('the component is below 5 KB compressed, and the block brings nothing else', async () => {
  const page = await demo.page({ shopper: 'maya' });
  const scripts = {};
  page.on('response', async (response) => {
    if (response.request().resourceType() === 'script') scripts[new URL(response.url()).pathname] = response;
  });
  await mount(demo, page);
  await ready(page);
  await page.goto(demo.shop('/account'));
  await ready(page);
  await page.waitForLoadState('networkidle');
  // The theme's own are the shop's business.
  const brought = Object.entries(scripts).filter(([path]) => !path.startsWith('/assets/storefront_'));
  assert.deepEqual(brought.map(([path]) => path), [SCRIPT]);
  const size = gzipSync(await brought[0][1].body(), { level: 9 }).length;
  assert.ok(size <= 5 * 1024, `${size} bytes compressed`);
  console.log(`component ${size} bytes`);
  await page.context().close();
});
