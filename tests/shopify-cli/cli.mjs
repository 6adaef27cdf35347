// Shopify's CLI from the inside: its own loader of an app's configuration, and what it starts a backend with. Neither
// needs a login, but the CLI exports neither; so its one file is read with a line more at its end. The version is pinned
// to one whose names are not shortened.

import { cpSync, existsSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
export const root = join(here, '../..');
const dist = join(here, 'node_modules/@shopify/cli/dist');
const PROFILE = 'extensions/subtotal-connect-profile';

const opened = join(dist, 'index.opened.js');
writeFileSync(
  opened,
  `${readFileSync(join(dist, 'index.js'), 'utf8')}\nexport { loadApp, loadLocalExtensionsSpecifications, launchWebProcess };\n`,
);
const { loadApp, loadLocalExtensionsSpecifications, launchWebProcess } = await import(opened);
export { launchWebProcess };

// A copy of what the CLI reads, because it writes a file of types while it does; `change` may spoil it.
export function copyOfApp(change = () => {}) {
  const folder = mkdtempSync(join(tmpdir(), 'subtotal-connect-cli-'));
  for (const name of ['shopify.app.toml', 'shopify.web.toml']) cpSync(join(root, name), join(folder, name));
  const own = (path) => !path.includes('node_modules');
  cpSync(join(root, 'extensions'), join(folder, 'extensions'), { recursive: true, filter: own });
  const modules = join(root, PROFILE, 'node_modules');
  if (!existsSync(modules)) throw new Error(`run npm ci in ${PROFILE} first`);
  symlinkSync(modules, join(folder, PROFILE, 'node_modules'));
  // This version asks for one; later ones do not.
  writeFileSync(join(folder, 'package.json'), '{ "name": "subtotal-connect" }');
  change(folder);
  return folder;
}

export async function load(folder) {
  const specifications = await loadLocalExtensionsSpecifications();
  const app = await loadApp({ directory: folder, specifications, userProvidedConfigName: undefined, mode: 'report' });
  const problems = (app.errors?.toJSON() ?? []).map((problem) => problem.value ?? String(problem));
  return { app, problems };
}
