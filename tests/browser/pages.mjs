// Every page a person can meet, and how to get there.

import { ready } from './demo.mjs';
import { openProfile } from './profile.mjs';

/** Opens Subtotal Link for a retailer from the shop's account page. */
async function openLink(demo, page, retailer) {
  await page.goto(demo.shop('/account'));
  await ready(page);
  await page.locator(`[data-retailer="${retailer}"]`).getByRole('button').first().click();
  await page.locator('main.card').waitFor();
}

export const PAGES = {
  'storefront-signed-out': { trouble: /status of 400/, open: (demo, page) => page.goto(demo.shop('/')).then(() => ready(page, 'signed-out')) },
  'storefront': { shopper: 'maya', open: (demo, page) => page.goto(demo.shop('/')).then(() => ready(page)) },
  'account': { shopper: 'maya', open: (demo, page) => page.goto(demo.shop('/account')).then(() => ready(page)) },
  'account-without-contact': { shopper: 'sol', open: (demo, page) => page.goto(demo.shop('/account')).then(() => ready(page)) },
  'profile': { shopper: 'maya', open: (demo, page) => openProfile(demo, page) },
  'snippet': { shopper: 'maya', open: (demo, page) => page.goto(demo.shop('/pages/snippet')).then(() => ready(page)) },
  'storefront-demo-menu': {
    shopper: 'maya',
    open: async (demo, page) => {
      await page.goto(demo.shop('/'));
      await ready(page);
      await page.locator('.demo-controls summary').click();
    },
  },
  'storefront-shopper-menu': {
    shopper: 'maya',
    open: async (demo, page) => {
      await page.goto(demo.shop('/'));
      await ready(page);
      await page.locator('details.who summary').click();
    },
  },
  'storefront-dialog': {
    shopper: 'maya',
    open: async (demo, page) => {
      await page.goto(demo.shop('/'));
      await ready(page);
      await page.getByRole('button', { name: 'Disconnect: Walmart' }).click();
    },
  },
  'storefront-trouble': {
    shopper: 'maya',
    trouble: /status of 502/,
    open: async (demo, page) => {
      await demo.pull({ action: 'answer', mode: '500' });
      await page.goto(demo.shop('/'));
      await ready(page, 'error');
      await demo.pull({ action: 'answer', mode: 'normal' });
    },
  },
  'login': { open: (demo, page) => page.goto(demo.shop('/customer_authentication/login?return_to=%2F')) },
  'login-classic': { open: (demo, page) => page.goto(demo.shop('/account/login?checkout_url=%2Faccount')) },
  'at-retailer': { shopper: 'maya', open: (demo, page) => page.goto(demo.shop('/at/walmart')) },
  'not-found': { trouble: /status of 404/, open: (demo, page) => page.goto(demo.shop('/nothing')) },
  'link-sign-in': { shopper: 'theo', open: (demo, page) => openLink(demo, page, 'walmart') },
  'link-sign-in-again': { shopper: 'maya', open: (demo, page) => openLink(demo, page, 'target') },
  'link-sign-in-wrong': {
    shopper: 'theo',
    trouble: /status of 422/,
    open: async (demo, page) => {
      await openLink(demo, page, 'walmart');
      await page.getByLabel('User name').fill('shopper');
      await page.getByLabel('Password').fill('wrong');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('alert').waitFor();
    },
  },
  'link-code': {
    shopper: 'theo',
    open: async (demo, page) => {
      await openLink(demo, page, 'publix');
      await page.getByLabel('User name').fill('shopper');
      await page.getByLabel('Password').fill('password');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByLabel('One-time code').waitFor();
    },
  },
  'link-problem': {
    trouble: /status of 404/,
    open: (demo, page) => page.goto(new URL('/unknown1?connection_id=x', demo.places.subtotal_link).href),
  },
  'levers': { open: (demo, page) => page.goto(demo.places.levers) },
  'service-error': {
    shopper: 'maya',
    trouble: /status of 404/,
    open: (demo, page) => page.goto(demo.shop('/apps/subtotal/link/unknown1')),
  },
};
