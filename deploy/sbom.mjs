// A bill of materials of the binary, CycloneDX 1.6 as JSON, on standard output: every crate that is compiled into it, with
// version, licence, checksum and who uses whom. `cargo metadata` on standard input.
//
//   cargo metadata --locked --format-version 1 --filter-platform x86_64-unknown-linux-gnu | node deploy/sbom.mjs

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const metadata = JSON.parse(readFileSync(0, 'utf8'));
const packages = new Map(metadata.packages.map((found) => [found.id, found]));
const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]));
const root = packages.get(metadata.resolve.root);

// Cargo.lock's checksums of the downloaded crates.
const checksums = new Map();
for (const block of readFileSync(`${metadata.workspace_root}/Cargo.lock`, 'utf8').split('[[package]]').slice(1)) {
  const value = (name) => block.match(new RegExp(`^${name} = "(.*)"$`, 'm'))?.[1];
  checksums.set(`${value('name')} ${value('version')}`, value('checksum'));
}

// What is compiled in, or runs while compiling: all but what tests alone need.
const usedBy = (id) =>
  nodes.get(id).deps.filter((dep) => dep.dep_kinds.some(({ kind }) => kind !== 'dev')).map((dep) => dep.pkg);
const found = new Set();
const look = (id) => {
  if (found.has(id)) return;
  found.add(id);
  usedBy(id).forEach(look);
};
look(root.id);

const reference = ({ name, version }) => `pkg:cargo/${encodeURIComponent(name)}@${encodeURIComponent(version)}`;
const component = (crate) => {
  const checksum = checksums.get(`${crate.name} ${crate.version}`);
  return {
    type: crate.id === root.id ? 'application' : 'library',
    'bom-ref': reference(crate),
    name: crate.name,
    version: crate.version,
    ...(crate.description && { description: crate.description.trim() }),
    ...(checksum && { hashes: [{ alg: 'SHA-256', content: checksum }] }),
    // Crates of long ago write MIT/Apache-2.0.
    ...(crate.license && { licenses: [{ expression: crate.license.replace(/\s*\/\s*/g, ' OR ') }] }),
    purl: reference(crate),
    ...(crate.repository && { externalReferences: [{ type: 'vcs', url: crate.repository.trim() }] }),
  };
};

const crates = [...found].map((id) => packages.get(id)).sort((a, b) => (reference(a) < reference(b) ? -1 : 1));
const dependencies = crates.map((crate) => ({
  ref: reference(crate),
  dependsOn: [...new Set(usedBy(crate.id).map((id) => reference(packages.get(id))))].sort(),
}));
// The same lock file gives the same bill.
const digest = createHash('sha256').update(JSON.stringify(dependencies)).digest('hex');
const variant = '89ab'[parseInt(digest[16], 16) % 4];
const serial = [digest.slice(0, 8), digest.slice(8, 12), `5${digest.slice(13, 16)}`, `${variant}${digest.slice(17, 20)}`, digest.slice(20, 32)];
const bom = {
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  serialNumber: `urn:uuid:${serial.join('-')}`,
  version: 1,
  metadata: { component: component(root) },
  components: crates.filter((crate) => crate.id !== root.id).map(component),
  dependencies,
};
process.stdout.write(`${JSON.stringify(bom, null, 1)}\n`);
