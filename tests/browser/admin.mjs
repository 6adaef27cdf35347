// The Shopify admin of a demo, and the app in its frame.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { DESKTOP, SHOP, accessibilityProblems, overflow } from './demo.mjs';

export const ADMIN_PHONE = { width: 390, height: 844 };
export const STAFF = { priya: '90210000001', tom: '90210000002' };
export const API_KEY = 'demo-subtotal-api-key';
const BASE = `/store/${SHOP.split('.')[0]}/apps/subtotal-connect`;

/** Every page of the app, and what is there once it has come to rest. */
export const ADMIN_PAGES = {
  'admin-home': { path: '', ready: (app) => app.locator('[data-connections]:not([aria-busy])').waitFor() },
  'admin-subtotal': { path: '/subtotal', ready: (app) => app.getByRole('button', { name: 'Replace key' }).waitFor() },
  'admin-retailers': { path: '/retailers', ready: (app) => app.locator('[data-list]:not([aria-busy]) img').first().waitFor() },
  'admin-visibility': { path: '/visibility', ready: (app) => listLoaded(app) },
  'admin-preview': { path: '/preview', ready: (app) => app.getByRole('button', { name: 'See what they see' }).waitFor() },
  'admin-redirects': { path: '/redirects', ready: (app) => app.getByRole('button', { name: 'Add host' }).waitFor() },
  'admin-integrations': { path: '/integrations', ready: (app) => app.getByRole('button', { name: 'Test key' }).waitFor() },
  'admin-events': {
    path: '/events',
    ready: async (app) => {
      await app.locator('[data-events-status]').getByText(/shown, newest first|Nothing was sent yet/).waitFor();
      await app.locator('[data-inbox-status]').getByText(/shown, newest first|Subtotal told nothing yet/).waitFor();
    },
  },
  'admin-connections': { path: '/connections', ready: (app) => app.getByText(/^Nobody needs|needs? a new login\./).waitFor() },
  'admin-activity': {
    path: '/activity',
    ready: async (app) => {
      await app.locator('[data-activity-rows] tr').first().waitFor();
      await app.locator('[data-requests]:not([aria-busy])').waitFor();
    },
  },
};

/** Whether Visibility shows its list, its retailers and the settings. */
export async function listLoaded(app) {
  await app.locator('[data-entries]:not([aria-busy])').waitFor({ state: 'attached' });
  await app.locator('form[data-settings]:not([hidden])').waitFor();
}

/** The app in the admin's frame. */
export function appOf(page) {
  return page.frameLocator('iframe[name=app-iframe]');
}

/** The document in the admin's frame, to run scripts in. */
export async function documentOf(page) {
  const frame = await (await page.locator('iframe[name=app-iframe]').elementHandle()).contentFrame();
  assert.ok(frame);
  return frame;
}

export function adminUrl(demo, path = '') {
  return new URL(BASE + path, demo.places.admin).href;
}

/** A member of staff with a browser of their own, on a page of the app: `[page, app]`. */
export async function openAdmin(demo, path = '', { staff = 'priya', viewport = DESKTOP, scale = 1 } = {}) {
  const page = await demo.page({ viewport, scale });
  await page.context().addCookies([{ name: 'sandbox_staff', value: STAFF[staff], url: demo.places.admin }]);
  await page.goto(adminUrl(demo, path));
  return [page, appOf(page)];
}

/** Pulls a lever of the sandbox's Shopify. */
export async function pullShopify(demo, lever) {
  const answer = await fetch(new URL('/levers/api', demo.places.admin), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(lever),
  });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
}

export const saveBar = (page) => page.getByRole('group', { name: 'Unsaved changes' });

/** Presses the save bar's Save, which must be there. */
export async function save(page) {
  await saveBar(page).getByRole('button', { name: 'Save' }).click();
}

/** Waits for a message of the app at the bottom of the admin. */
export async function toasted(page, text) {
  await page.getByRole('region', { name: 'Messages' }).getByText(text).first().waitFor();
}

/** What pressing a button downloads: the file's name and text. */
export async function downloaded(page, press) {
  const [file] = await Promise.all([page.waitForEvent('download'), press()]);
  return { name: file.suggestedFilename(), text: await readFile(await file.path(), 'utf8') };
}

/** Serious findings of axe around the app and in it. */
export async function adminProblems(page) {
  return [...await accessibilityProblems(page), ...await accessibilityProblems(await documentOf(page))];
}

/** How far the admin or the app in it is wider than its window. */
export async function adminOverflow(page) {
  return await overflow(page) + await overflow(await documentOf(page));
}

/** Presses Tab until the focused element of the app, inside whatever component, fits a role and a name. */
export async function tabInApp(page, role, name) {
  const target = appOf(page).getByRole(role, { name, exact: typeof name === 'string' });
  for (let presses = 0; presses < 120; presses += 1) {
    await page.keyboard.press('Tab');
    const focus = await target.evaluateAll((found) => {
      const element = found.find((one) => one.ownerDocument.hasFocus() && one.getRootNode().activeElement === one);
      const hasRing = (one) => one && getComputedStyle(one).outlineStyle !== 'none' && parseFloat(getComputedStyle(one).outlineWidth) > 0;
      // The ring of a field is drawn by the box around it.
      return element && { ring: hasRing(element) || hasRing(element.closest('.box')) };
    });
    if (!focus) continue;
    assert.ok(focus.ring, `${role} ${name} shows no focus`);
    return;
  }
  assert.fail(`Tab does not reach ${role} ${name}`);
}
