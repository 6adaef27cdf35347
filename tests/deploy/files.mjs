// What the checks read.

import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

export const text = (name) => readFileSync(join(root, name), 'utf8');

// The documents of a YAML file; a key that stands there twice is refused.
export function yaml(name) {
  return parseAllDocuments(text(name), { merge: true, uniqueKeys: true, strict: true }).map((document) => {
    if (document.errors.length > 0 || document.warnings.length > 0) {
      throw new Error(`${name}: ${[...document.errors, ...document.warnings].join('\n')}`);
    }
    return document.toJS();
  });
}

export const manifests = readdirSync(join(root, 'deploy/kubernetes'))
  .filter((name) => name !== 'kustomization.yaml')
  .flatMap((name) => yaml(`deploy/kubernetes/${name}`).map((object) => ({ name, object })));

// The settings there are.
export const settings = new Set(
  [...text('.env.example').matchAll(/^(?:# )?([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name),
);

export const routes = text('src/http/routes.rs') + text('src/http/health.rs');
