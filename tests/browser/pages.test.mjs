// Every page at phone and desktop width, in light and dark: no sideways scrolling, nothing red in the console, and no
// serious finding of axe.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { DESKTOP, Demo, PHONE, SHOP, SHOPPERS, accessibilityProblems, assertCalm, overflow } from './demo.mjs';
import { PAGES } from './pages.mjs';

let demo;

before(async () => {
  demo = await Demo.start();
});
after(() => demo?.stop());

/** How light the page's ground is, from 0 to 1. */
function lightness(page) {
  return page.evaluate(() => {
    const canvas = document.createElement('canvas').getContext('2d');
    const grounds = [document.body, document.documentElement].map((element) => getComputedStyle(element).backgroundColor);
    canvas.fillStyle = grounds.find((ground) => ground !== 'rgba(0, 0, 0, 0)') ?? 'Canvas';
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
    return (red + green + blue) / 765;
  });
}

for (const [name, { shopper, open, trouble }] of Object.entries(PAGES)) {
  for (const [width, viewport] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
    for (const dark of [false, true]) {
      test(`${name} is sound on a ${width} in ${dark ? 'dark' : 'light'}`, async () => {
        const page = await demo.page({ shopper, viewport, dark });
        await open(demo, page);
        assert.equal(await overflow(page), 0, 'the page scrolls sideways');
        assert.deepEqual(await accessibilityProblems(page), []);
        assert.equal(await lightness(page) < 0.4, dark, 'the ground does not follow the colour scheme');
        assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
        assertCalm(page, trouble);
        await page.context().close();
      });
    }
  }
}

test('the page that refreshes instead of redirecting is sound while it shows', async () => {
  const origin = await demo.serve({ REDIRECT_MODE: 'html' });
  const url = demo.command('sign', `${origin}/apps/subtotal/link/bU2fNg7A`, '--shop', SHOP, '--customer', SHOPPERS.theo);
  const answer = await fetch(url);
  assert.equal(answer.status, 200);
  const stays = (await answer.text()).replace(/<meta http-equiv="refresh"[^>]*>/, '');
  for (const viewport of [PHONE, DESKTOP]) {
    for (const dark of [false, true]) {
      const page = await demo.page({ viewport, dark });
      await page.setContent(stays);
      assert.equal(await overflow(page), 0);
      assert.deepEqual(await accessibilityProblems(page), []);
      assert.equal(await lightness(page) < 0.4, dark);
      await page.context().close();
    }
  }
});

test('no page needs sideways scrolling on the narrowest phones', async () => {
  for (const [name, { shopper, open }] of Object.entries(PAGES)) {
    const page = await demo.page({ shopper, viewport: { width: 320, height: 640 } });
    await open(demo, page);
    assert.equal(await overflow(page), 0, name);
    await page.context().close();
  }
});

test('the levers page works with and without script', async () => {
  const page = await demo.page();
  await page.goto(demo.places.levers);
  await page.getByLabel('Answer with').selectOption('500');
  await page.getByRole('button', { name: 'Apply' }).click();
  await page.locator('#now').filter({ hasText: 'Every call is answered 500.' }).waitFor();
  await page.getByRole('button', { name: 'Reset the world' }).click();
  await page.locator('#now').filter({ hasText: 'answered normally' }).waitFor();
  assert.equal(await page.getByLabel('Answer with').inputValue(), 'normal');
  assertCalm(page);

  const context = await demo.browser.newContext({ javaScriptEnabled: false });
  const plain = await context.newPage();
  await plain.goto(demo.places.levers);
  await plain.getByLabel('Wait before every call, ms').fill('150');
  await plain.getByRole('button', { name: 'Set wait' }).click();
  await plain.locator('#now').filter({ hasText: 'All calls wait 150 ms first.' }).waitFor();
  await plain.getByRole('button', { name: 'Reset the world' }).click();
  await plain.getByText('The world is as it was at the start.').waitFor();
  await context.close();
  await page.context().close();
});
