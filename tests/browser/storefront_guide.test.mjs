// Every example of docs/storefront.md, taken from the file and run on the demo's storefront.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { Demo, assertCalm, ready } from './demo.mjs';

const GUIDE = readFileSync(new URL('../../docs/storefront.md', import.meta.url), 'utf8');
const EXAMPLES = [...GUIDE.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, kind, text]) => ({ kind, text }));

let demo;
before(async () => {
  demo = await Demo.start();
});
after(() => demo?.stop());

/** A page of the shop that holds the example's markup. */
async function show(text) {
  const page = await demo.page({ shopper: 'maya' });
  await page.goto(demo.shop('/at/walmart'));
  await page.evaluate((markup) => {
    const main = document.createElement('main');
    main.innerHTML = markup;
    document.body.replaceChildren(main);
    // A script that comes as markup does not run by itself.
    for (const written of main.querySelectorAll('script')) {
      const script = document.createElement('script');
      for (const { name, value } of written.attributes) script.setAttribute(name, value);
      written.replaceWith(script);
    }
  }, text);
  return page;
}

/** Runs an example's JavaScript as a module of the page would run. */
const run = (page, text) => page.evaluate(`(async () => {${text}})()`);

/** What each example must bring about, in the order of the guide. */
const OUTCOMES = [
  async (page) => {
    await ready(page);
    assert.ok((await page.locator('[data-retailer]').count()) > 5);
  },
  async (page) => {
    await ready(page);
    await page.getByRole('link', { name: 'Purchase on Walmart' }).waitFor();
    assert.equal(await page.locator('[data-retailer]').count(), 1);
  },
  async (page) => {
    await ready(page);
    const looks = await page.getByRole('button', { name: 'Link Costco' }).evaluate((button) => {
      const { backgroundColor, borderRadius, fontWeight } = getComputedStyle(button);
      return { backgroundColor, borderRadius, fontWeight };
    });
    assert.deepEqual(looks, { backgroundColor: 'rgb(35, 85, 60)', borderRadius: '999px', fontWeight: '600' });
  },
  async (page) => {
    assert.equal(await page.evaluate(() => {
      document.dispatchEvent(new CustomEvent('subtotal:success', { detail: { name: 'Costco' } }));
      return document.title;
    }), 'Costco is linked');
  },
  async (page) => {
    await page.getByRole('link').click();
    await page.getByRole('heading', { name: /Publix/ }).waitFor();
  },
  async (page) => {
    await page.getByRole('heading', { name: /Target/ }).waitFor();
  },
];

test('the guide has an outcome for each of its examples', () => {
  assert.equal(EXAMPLES.length, OUTCOMES.length);
  assert.ok(EXAMPLES.every(({ kind }) => kind === 'html' || kind === 'js'));
});

for (const [index, { kind, text }] of EXAMPLES.entries()) {
  test(`example ${index + 1} works: ${text.split('\n')[1]?.trim() || text.trim()}`, async () => {
    const page = await show(kind === 'html' ? text : EXAMPLES[0].text);
    if (kind === 'js') {
      await ready(page);
      await run(page, text).catch((error) => assert.match(error.message, /navigation|destroyed/));
    }
    await OUTCOMES[index](page);
    assertCalm(page);
    await page.context().close();
  });
}
