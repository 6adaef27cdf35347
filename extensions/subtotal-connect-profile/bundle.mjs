// The extension as one file, as Shopify's CLI bundles it. The demo serves it from bundle/, so that it needs no Node.
//
//   node bundle.mjs            writes bundle/profile-block.js
//   node bundle.mjs --check    fails where that file is not what src/ makes now

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const KEPT = new URL('./bundle/profile-block.js', import.meta.url);
const NOTICE = '/*! Subtotal Connect\'s profile block: made from src/ by `npm run bundle`, never edited. '
  + 'Holds Preact and its signals, (c) Jason Miller and the Preact team, MIT licence. */';

/** The bundle's bytes, the same ones wherever it is made. */
export async function bundle() {
  const { outputFiles } = await build({
    absWorkingDir: fileURLToPath(new URL('.', import.meta.url)),
    entryPoints: ['src/ProfileBlock.tsx'],
    bundle: true, minify: true, write: false, format: 'esm', target: 'es2022', charset: 'utf8',
    jsx: 'automatic', jsxImportSource: 'preact', banner: { js: NOTICE }, legalComments: 'none',
  });
  return outputFiles[0].contents;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const made = await bundle();
  if (!process.argv.includes('--check')) writeFileSync(KEPT, made);
  else if (!readFileSync(KEPT).equals(made)) {
    console.error('FAILED: bundle/profile-block.js is not what src/ makes; run: npm run bundle');
    process.exitCode = 1;
  }
}
