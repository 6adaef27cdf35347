// The README's picture, and every page at both widths and in both colour schemes into test-results/ to look at.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { DESKTOP, Demo, PHONE } from './demo.mjs';
import { PAGES } from './pages.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const IMAGES = join(HERE, '../../docs/images');
const RESULTS = join(HERE, 'test-results');
mkdirSync(IMAGES, { recursive: true });
mkdirSync(RESULTS, { recursive: true });

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
