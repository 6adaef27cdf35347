// A demo of its own for each test file, and browsers that notice what goes wrong.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

export const PHONE = { width: 360, height: 740 };
export const DESKTOP = { width: 1280, height: 900 };
export const SHOPPERS = {
  maya: '7100000000001',
  jonas: '7100000000002',
  dana: '7100000000003',
  sol: '7100000000004',
  theo: '7100000000005',
};
export const SHOP = 'larkmeadow.myshopify.com';
const SETTINGS = {
  ENCRYPTION_KEYS: 'demo:ZGVtby1rZXktdGhhdC1wcm90ZWN0cy1ub3RoaW5nISE=',
  SHOPIFY_API_SECRET: 'demo-client-secret',
};
const FLAGS = [
  '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run',
  '--disable-quic',
];
const PATIENCE_MS = 20_000;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** A running demo with a browser. */
export class Demo {
  static async start() {
    assert.ok(process.env.CHROMIUM && process.env.SUBTOTAL_CONNECT, 'start the tests with tests/browser/run');
    const demo = new Demo();
    demo.folder = mkdtempSync(join(tmpdir(), 'browser-tests-'));
    demo.services = [];
    try {
      demo.process = demo.#spawn(['demo', '--port', '0', '--json'], {});
      demo.places = JSON.parse(await line(demo.process.stdout, (text) => text.startsWith('{')));
      const options = { executablePath: process.env.CHROMIUM, chromiumSandbox: false, args: FLAGS };
      demo.browser = await chromium.launch(options);
    } catch (error) {
      await demo.stop();
      throw error;
    }
    return demo;
  }

  #spawn(args, settings) {
    const env = { TMPDIR: this.folder, ...settings };
    return spawn(process.env.SUBTOTAL_CONNECT, args, { env, cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Ends what was started here, by its own handle. */
  async stop() {
    await this.browser?.close();
    for (const child of [this.process, ...this.services]) {
      if (!child || child.exitCode !== null) continue;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  shop(path) {
    return new URL(path, this.places.storefront).href;
  }

  /** Runs a command on the demo's world. */
  command(...args) {
    const env = { ...SETTINGS, DATABASE_URL: this.places.database_url };
    const done = spawnSync(process.env.SUBTOTAL_CONNECT, args, { env, cwd: this.folder, encoding: 'utf8' });
    assert.equal(done.status, 0, done.stderr);
    return done.stdout.trim();
  }

  /** Shows the block to those on its list only, or to everybody, as another process: the service sees it a little later. */
  async showToListed(only) {
    this.command('rules', 'set', SHOP, only ? '--on' : '--off');
    const headers = { Cookie: `sandbox_shopper=${SHOPPERS.maya}` };
    await until('the change of the list', async () => {
      const answer = await fetch(this.shop('/apps/subtotal/visibility'), { headers });
      return (await answer.json()).blockVisible !== only;
    });
  }

  /** A second service on the demo's world; answers its origin. */
  async serve(settings) {
    const child = this.#spawn(['serve'], {
      ...SETTINGS,
      SHOPIFY_API_KEY: 'demo-client-id',
      SHOPIFY_APP_URL: 'https://demo.invalid',
      SHOPIFY_ADMIN_URL: this.places.storefront.replace(/\/$/, ''),
      SUBTOTAL_API_URL: this.places.subtotal_api,
      DATABASE_URL: this.places.database_url,
      PORT: '0',
      ...settings,
    });
    this.services.push(child);
    const said = await line(child.stderr, (text) => text.includes('listening on '));
    return said.match(/listening on (\S+)/)[1];
  }

  /** Pulls a lever, which must work. */
  async pull(lever) {
    const answer = await fetch(new URL('/levers/api', this.places.subtotal_link), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(lever),
    });
    assert.equal(answer.status, 200);
    return answer.json();
  }

  /** A page somebody is signed in on, or nobody; `page.troubles` collects what a console would show in red. */
  async page({ shopper, viewport = DESKTOP, dark = false, scale = 1, locale } = {}) {
    const context = await this.browser.newContext({
      viewport,
      locale,
      colorScheme: dark ? 'dark' : 'light',
      deviceScaleFactor: scale,
      reducedMotion: 'reduce',
    });
    context.setDefaultTimeout(PATIENCE_MS);
    if (shopper) await context.addCookies([{ name: 'sandbox_shopper', value: SHOPPERS[shopper], url: this.shop('/') }]);
    const page = await context.newPage();
    page.troubles = [];
    page.on('pageerror', (error) => page.troubles.push(`error: ${error.message}`));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) page.troubles.push(`${message.type()}: ${message.text()}`);
    });
    return page;
  }
}

/** Waits until `condition` answers something true, asking again and again; `what` names it. */
export async function until(what, condition) {
  const late = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await condition();
    if (found) return found;
    assert.ok(Date.now() < late, `${what} did not come`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}

/** The first line of a stream that `fits`. */
function line(stream, fits) {
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: stream });
    const late = setTimeout(() => reject(new Error('the line did not come')), PATIENCE_MS);
    lines.on('line', (text) => {
      if (!fits(text)) return;
      clearTimeout(late);
      resolve(text);
    });
    lines.on('close', () => reject(new Error('the stream ended')));
  });
}

/** Nothing red in the console, but for what the test asked for. */
export function assertCalm(page, expected = /^$/) {
  assert.deepEqual(page.troubles.filter((trouble) => !expected.test(trouble)), []);
}

/** Whether the component has come to rest. */
export async function ready(page, state = 'ready') {
  await page.locator(`subtotal-connect[data-state="${state}"]`).waitFor({ state: 'attached' });
}

/** The text of the element that has the focus, inside components too. */
export function focused(page) {
  return page.evaluate(() => {
    let element = document.activeElement;
    while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    return element.textContent;
  });
}

/** Presses Tab until the focused element has this accessible role and name; the way a keyboard gets there. */
export async function tabTo(page, role, name) {
  const target = page.getByRole(role, { name, exact: typeof name === 'string' });
  for (let presses = 0; presses < 80; presses += 1) {
    await page.keyboard.press('Tab');
    const there = await target.evaluateAll((found) => found.some((element) => element.getRootNode().activeElement === element));
    if (!there) continue;
    assert.ok(await hasFocusRing(page), `${role} ${name} shows no focus`);
    return;
  }
  assert.fail(`Tab does not reach ${role} ${name} on ${page.url()}`);
}

function hasFocusRing(page) {
  return page.evaluate(() => {
    let active = document.activeElement;
    while (active.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
    // A radio's or summary's ring may be drawn by its label.
    for (const element of [active, active.closest('label')]) {
      if (!element) continue;
      const style = getComputedStyle(element);
      if ((style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none') return true;
    }
    return false;
  });
}

/** Serious and critical findings of axe on the page as it is now; or every finding, in one part of it. */
export async function accessibilityProblems(page, part) {
  await page.evaluate(AXE);
  const run = (within) =>
    globalThis.axe.run(within ? { include: [within] } : document, { resultTypes: ['violations'], iframes: false });
  const { violations } = await page.evaluate(run, part);
  return violations
    .filter(({ impact }) => part || impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`);
}

/** How far the page is wider than its window. */
export function overflow(page) {
  return page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - window.innerWidth));
}
