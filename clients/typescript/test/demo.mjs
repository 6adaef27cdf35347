// A demo to call, with the ways a shopper's calls take there.

import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const MAYA = '7100000000001';

/** Starts a demo on any free ports; answers where everything is, and how to stop it. */
export async function startDemo() {
  const folder = mkdtempSync(join(tmpdir(), 'client-tests-'));
  const child = spawn(process.env.SUBTOTAL_CONNECT, ['demo', '--port', '0', '--json'], {
    env: { TMPDIR: folder },
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const places = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => line.startsWith('{') && resolve(JSON.parse(line)));
    child.once('exit', (code) => reject(new Error(`the demo ended: ${code}`)));
  });
  const stop = async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  return { ...places, stop };
}

/** `fetch` as the browser of a shopper who is signed in to the demo's storefront. */
export const fetchAs = (shopper) => (input, init) =>
  fetch(input, { ...init, headers: { ...init.headers, Cookie: `sandbox_shopper=${shopper}` } });

/** What a customer-account extension of the demo's app would get from Shopify. */
export function sessionToken(shop, customer) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { dest: shop, aud: 'demo-client-id', exp: now + 300, nbf: now, iat: now };
  if (customer) claims.sub = `gid://shopify/Customer/${customer}`;
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', 'demo-client-secret').update(signed).digest('base64url')}`;
}
