// shopify.app.toml, shopify.web.toml and the extensions are what Shopify's CLI expects, and the command it would start as
// the app's backend serves with what the CLI gives it.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';

import { copyOfApp, launchWebProcess, load, root } from './cli.mjs';

const TUNNEL = 'https://some-words-of-a-tunnel.trycloudflare.com';

const spoil = (name, from, to) => (folder) => {
  const file = join(folder, name);
  const text = readFileSync(file, 'utf8');
  assert.ok(text.includes(from), `${name} has no ${from}`);
  writeFileSync(file, text.replace(from, to));
};

// What the CLI finds wrong, thrown or reported.
async function problemsOf(change) {
  const folder = copyOfApp(change);
  try {
    return (await load(folder)).problems.join('\n');
  } catch (error) {
    return String(error.message ?? error);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('the CLI loads the app, its backend and every extension without a complaint', async () => {
  const folder = copyOfApp();
  try {
    const { app, problems } = await load(folder);
    assert.deepEqual(problems, []);
    assert.equal(app.configuration.client_id.length, 32);
    assert.equal(app.configuration.app_proxy.subpath, 'subtotal');
    // What is no role the CLI takes for a frontend, without a word.
    assert.deepEqual(app.webs.map((web) => web.configuration.roles), [['backend']]);
    const types = app.allExtensions.map((extension) => extension.type);
    const count = (type) => types.filter((found) => found === type).length;
    assert.deepEqual([count('flow_trigger'), count('theme'), count('ui_extension')], [6, 1, 1]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

for (const [name, from, to, complaint] of [
  ['shopify.web.toml', 'dev = ', 'start = ', /dev/],
  ['shopify.app.toml', 'embedded = true', 'embedded = "yes"', /embedded/],
  ['shopify.app.toml', 'url = "https://app.example.com/apps/subtotal"', 'url = "nowhere"', /url/i],
  ['extensions/subtotal-product-purchased/shopify.extension.toml', 'type = "flow_trigger"', 'type = "flow"', /flow/],
]) {
  test(`the CLI refuses ${name} with ${to}`, async () => {
    assert.match(await problemsOf(spoil(name, from, to)), complaint);
  });
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

async function answers(url, deadline) {
  while (Date.now() < deadline) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return answer;
    await new Promise((done) => setTimeout(done, 200));
  }
  throw new Error(`nothing answers at ${url}`);
}

test('the backend serves with what the CLI sets, and the keys from its surroundings', { timeout: 1_800_000 }, async () => {
  const data = mkdtempSync(join(tmpdir(), 'subtotal-connect-dev-'));
  const folder = copyOfApp();
  const { app } = await load(folder);
  // All else comes from the CLI; the address of the app is that of its tunnel.
  for (const name of ['SHOPIFY_APP_URL', 'SHOPIFY_API_KEY', 'SHOPIFY_API_SECRET', 'PORT', 'SCOPES']) delete process.env[name];
  process.env.ENCRYPTION_KEYS = `k1:${Buffer.alloc(32, 7).toString('base64')}`;
  process.env.DATABASE_URL = `sqlite://${join(data, 'dev.db')}?mode=rwc`;
  const port = await freePort();
  const stopped = new AbortController();
  const output = new PassThrough();
  let said = '';
  output.on('data', (text) => (said += text));
  const running = launchWebProcess({ stdout: output, stderr: output, abortSignal: stopped.signal }, {
    port,
    backendPort: port,
    frontendServerPort: port + 1,
    apiKey: 'client-id',
    apiSecret: 'client-secret',
    hostname: TUNNEL,
    directory: root,
    devCommand: app.webs[0].configuration.commands.dev,
    scopes: app.configuration.access_scopes.scopes,
  }).catch((error) => (said += `\n${error}`));
  try {
    await answers(`http://127.0.0.1:${port}/readyz`, Date.now() + 1_700_000);
    const unsigned = await fetch(`http://127.0.0.1:${port}/admin`, { redirect: 'manual' });
    assert.equal(unsigned.status, 302, said);
    const frame = await fetch(`http://127.0.0.1:${port}/admin/session-token?shop=demo.myshopify.com`);
    assert.match(await frame.text(), /client-id/);
  } finally {
    stopped.abort();
    await running;
    rmSync(folder, { recursive: true });
    rmSync(data, { recursive: true });
  }
});
