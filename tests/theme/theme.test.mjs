// The theme app extension passes Shopify's theme check, and keeps Shopify's limits
// (https://shopify.dev/docs/apps/build/online-store/theme-app-extensions/configuration).

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { themeCheckRun } from '@shopify/theme-check-node';

const EXTENSION = fileURLToPath(new URL('../../extensions/subtotal-connect-theme', import.meta.url));
const CONFIG = createRequire(import.meta.url).resolve('@shopify/theme-check-node/configs/theme-app-extension.yml');
const KINDS = {
  assets: /\.(jpe?g|json|js|css|png|svg|wasm)$/,
  blocks: /\.liquid$/,
  snippets: /\.liquid$/,
  locales: /^[a-z]{2}(-[A-Z]{2})?(\.default)?(\.schema)?\.json$/,
};
const KB = 1024;

const read = (...path) => readFileSync(join(EXTENSION, ...path));
const files = (folder) => readdirSync(join(EXTENSION, folder));
const zipped = (kind) => files('assets')
  .filter((name) => extname(name) === kind)
  .reduce((sum, name) => sum + gzipSync(read('assets', name), { level: 9 }).length, 0);

async function findings(folder) {
  const { offenses, theme } = await themeCheckRun(folder, CONFIG);
  assert.ok(theme.length > 10, 'the check saw too few files');
  return offenses.map(({ check, uri, start, message }) => `${uri.split('/').pop()}:${start.line + 1} ${check}: ${message}`);
}

/** A block's schema. */
function schema(name) {
  const text = read('blocks', name).toString();
  const found = text.match(/\{% schema %\}([\s\S]*)\{% endschema %\}\s*$/);
  assert.ok(found, `${name} has no schema`);
  return JSON.parse(found[1]);
}

test('theme check finds nothing', async () => {
  assert.deepEqual(await findings(EXTENSION), []);
});

test('theme check finds what is wrong on purpose', async () => {
  const copy = mkdtempSync(join(tmpdir(), 'theme-'));
  try {
    cpSync(EXTENSION, copy, { recursive: true });
    writeFileSync(join(copy, 'snippets', 'wrong.liquid'), "{{ 'nowhere.key' | t }} {% if %}");
    assert.notDeepEqual(await findings(copy), []);
  } finally {
    rmSync(copy, { recursive: true });
  }
});

test('folders and files are those Shopify takes', () => {
  const here = readdirSync(EXTENSION).sort();
  assert.deepEqual(here, ['assets', 'blocks', 'locales', 'shopify.extension.toml', 'snippets']);
  for (const [folder, fits] of Object.entries(KINDS)) {
    for (const name of files(folder)) assert.match(name, fits, folder);
  }
  assert.match(read('shopify.extension.toml').toString(), /^type = "theme"$/m);
});

test('sizes stay below the limits', () => {
  const liquid = ['blocks', 'snippets'].flatMap((folder) => files(folder).map((name) => read(folder, name).length));
  assert.ok(liquid.reduce((sum, size) => sum + size, 0) <= 100 * KB, 'Liquid');
  assert.ok(zipped('.js') <= 5 * KB, `scripts: ${zipped('.js')} bytes compressed`);
  assert.ok(zipped('.css') <= 100 * KB, 'styles');
  assert.ok(files('blocks').length <= 30);
  for (const name of files('locales')) assert.ok(statSync(join(EXTENSION, 'locales', name)).size <= 15 * KB, name);
});

test('each schema is valid, and every label is there in every language', () => {
  const languages = files('locales').filter((name) => name.endsWith('.schema.json'));
  assert.deepEqual(languages.map((name) => name.slice(0, 2)).sort(), ['de', 'en', 'es', 'fr']);
  for (const name of files('blocks')) {
    const block = schema(name);
    assert.ok(['section', 'head', 'compliance_head', 'body'].includes(block.target), name);
    const ids = block.settings.map(({ id }) => id).filter(Boolean);
    assert.equal(new Set(ids).size, ids.length, `${name} has an id twice`);
    const keys = [...JSON.stringify(block).matchAll(/"t:([^"]+)"/g)].map(([, key]) => key);
    for (const language of languages) {
      const words = JSON.parse(read('locales', language));
      const word = (key) => key.split('.').reduce((place, part) => place?.[part], words);
      for (const key of keys) assert.equal(typeof word(key), 'string', `${language}: ${key}`);
      assert.ok(word(block.name.slice(2)).length < 25, `${language}: the name of ${name} is too long`);
    }
    // What the settings are called there is what the Liquid reads here.
    const used = ['subtotal-connect', 'subtotal-connect-style'].map((snippet) => read('snippets', `${snippet}.liquid`)).join('');
    const needed = new Set([...used.matchAll(/settings\.(\w+)/g)].map(([, id]) => id));
    if (block.target === 'section') assert.deepEqual(ids.filter((id) => !needed.has(id)), []);
    if (block.target === 'section') assert.deepEqual([...needed].filter((id) => !ids.includes(id)), []);
  }
});

test('the component makes no markup of data', () => {
  for (const name of files('assets').filter((each) => extname(each) === '.js')) {
    const found = read('assets', name).toString().match(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc/);
    assert.equal(found, null, name);
  }
});
