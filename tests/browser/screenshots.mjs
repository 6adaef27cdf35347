// The README's pictures, and every page at both widths and in both colour schemes into test-results/ to look at.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ADMIN_PAGES, ADMIN_PHONE, documentOf, listLoaded, openAdmin, pullShopify } from './admin.mjs';
import { DESKTOP, Demo, PHONE, SHOPPERS, ready } from './demo.mjs';
import { PAGES } from './pages.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const IMAGES = join(HERE, '../../docs/images');
const RESULTS = join(HERE, 'test-results');
mkdirSync(IMAGES, { recursive: true });
mkdirSync(RESULTS, { recursive: true });

/** What a shop has after some days: shoppers who came by, refusals, changes by staff, a request for data. */
async function live(demo) {
  for (const shopper of ['maya', 'jonas', 'dana']) {
    const page = await demo.page({ shopper });
    await page.goto(demo.shop('/'));
    await ready(page);
    await page.context().close();
  }
  for (let turn = 0; turn < 3; turn += 1) await fetch(demo.shop('/apps/subtotal/visibility'));
  await pullShopify(demo, { action: 'deliver', topic: 'customers/data_request', customer_id: SHOPPERS.maya });
  for (const name of ['relink', 'purchases', 'lose-login']) {
    demo.command('scenario', name, '--levers', demo.places.levers, '--customer', SHOPPERS.theo, '--json');
  }
  const [page, app] = await openAdmin(demo, '/visibility?scope=walmart');
  await listLoaded(app);
  await app.getByLabel('Only shoppers on the list').check();
  await app.getByLabel('E-mail addresses and domains').fill('anna@example.com\nben@example.com\nexample.org');
  await page.getByRole('button', { name: 'Save' }).click();
  await app.getByText('3 entries', { exact: true }).waitFor();
  await app.getByLabel('Show it to them').check();
  await app.getByRole('button', { name: 'Save settings' }).click();
  await page.getByText('Settings saved').waitFor();
  await page.context().close();
}

/** The whole of a page in the admin's frame, which scrolls by itself; `most` bounds the picture's height. */
async function shoot(page, path, most = 3000) {
  const app = await documentOf(page);
  const around = await page.evaluate(() => innerHeight - document.querySelector('iframe').clientHeight);
  const height = await app.evaluate(() => document.querySelector('main').scrollHeight);
  const { width } = page.viewportSize();
  await page.setViewportSize({ width, height: Math.min(height + around + 8, most) });
  await page.screenshot({ path });
}

const ADMIN_README = {
  'admin-home': {},
  'admin-visibility': {
    path: '/visibility?scope=petco',
    most: 1000,
    reach: async (app) => {
      await listLoaded(app);
      await app.getByLabel('E-mail addresses and domains').fill('maya@example.com');
      await app.getByLabel('As this shopper').fill('maya@example.com');
      await app.getByRole('button', { name: 'Remove larkmeadow.example' }).click();
      await app.getByRole('button', { name: 'Show who gains and loses' }).click();
      await app.getByText('Lose', { exact: true }).waitFor();
      await app.locator('[data-compare-form]').evaluate((form) => form.scrollIntoView());
    },
  },
  'admin-preview': {
    reach: async (app) => {
      await app.getByLabel('E-mail address').fill('maya@example.com');
      await app.getByRole('button', { name: 'See what they see' }).click();
      await app.getByText('No entry of the list matches').first().waitFor();
    },
  },
  'admin-activity': {},
};

// What is done in the admin changes what shoppers see, so it happens in a world of its own.
const admin = await Demo.start();
try {
  await live(admin);
  for (const [name, { path = ADMIN_PAGES[name].path, reach = ADMIN_PAGES[name].ready, most }] of Object.entries(ADMIN_README)) {
    const [page, app] = await openAdmin(admin, path, { viewport: { width: 1120, height: most ?? 800 } });
    await reach(app);
    await page.getByRole('region', { name: 'Messages' }).getByRole('paragraph').waitFor({ state: 'hidden' });
    if (most) await page.screenshot({ path: join(IMAGES, `${name}.png`) });
    else await shoot(page, join(IMAGES, `${name}.png`));
    await page.context().close();
  }
  for (const [name, { path, ready: rest }] of Object.entries(ADMIN_PAGES)) {
    for (const [width, viewport] of Object.entries({ phone: ADMIN_PHONE, desktop: DESKTOP })) {
      const [page, app] = await openAdmin(admin, path, { viewport });
      await rest(app);
      await shoot(page, join(RESULTS, `${name}-${width}.png`));
      await page.context().close();
    }
  }
} finally {
  await admin.stop();
}

const demo = await Demo.start();
try {
  // The block with its cards, between the shop's bar above it and the demo's below.
  const readme = await demo.page({ shopper: 'maya', viewport: { ...DESKTOP, height: 1040 } });
  await PAGES.storefront.open(demo, readme);
  await readme.waitForLoadState('networkidle');
  await readme.locator('#link-accounts').evaluate((block) => window.scrollTo(0, block.offsetTop - 84));
  await readme.screenshot({ path: join(IMAGES, 'storefront.png') });
  await readme.context().close();
  for (const [name, { shopper, open }] of Object.entries(PAGES)) {
    for (const [width, viewport] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
      for (const dark of [false, true]) {
        const page = await demo.page({ shopper, viewport, dark });
        await open(demo, page);
        await page.waitForLoadState('networkidle').catch(() => {});
        await page.screenshot({ path: join(RESULTS, `${name}-${width}-${dark ? 'dark' : 'light'}.png`), fullPage: true });
        await page.context().close();
      }
    }
  }
} finally {
  await demo.stop();
}
