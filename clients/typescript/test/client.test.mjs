// The client against the demo, through both doors, and against answers that are not the service's.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SubtotalError, createClient } from '../dist/index.js';
import { MAYA, fetchAs, sessionToken, startDemo } from './demo.mjs';

let demo;
let clients;
before(async () => {
  demo = await startDemo();
  const account = new URL('/customer-account', demo.service).href;
  clients = {
    storefront: (shopper) =>
      createClient({ basePath: new URL('/apps/subtotal', demo.storefront).href, fetch: fetchAs(shopper) }),
    account: (shopper) => createClient({ basePath: `${account}/`, token: async () => sessionToken(demo.shop, shopper) }),
  };
});
after(() => demo?.stop());

const refused = (code, check = () => {}) => (error) => {
  assert.ok(error instanceof SubtotalError, String(error));
  assert.equal(error.code, code);
  check(error);
  return true;
};

for (const door of ['storefront', 'account']) {
  test(`${door}: a shopper sees, links and disconnects`, async () => {
    const client = clients[door](MAYA);
    assert.equal(await client.isConfigured(), true);
    const { blockVisible, restrictedRetailerIds } = await client.visibility();
    assert.deepEqual([blockVisible, Array.isArray(restrictedRetailerIds)], [true, true]);

    const find = async (id) => (await client.retailers()).find(({ retailer_id }) => retailer_id === id);
    const target = await find('target');
    const { link_url } = await client.connect({
      retailerId: target.retailer_id,
      retailerLinkUrl: target.link_url,
      redirectUrl: '/account',
      connectionId: target.connection.connection_id,
    });
    assert.equal(new URL(link_url).searchParams.get('connection_id'), target.connection.connection_id);

    assert.deepEqual(await client.disconnect(target.connection.connection_id), { success: true });
    assert.equal((await find('target')).connection.status, 'disconnected');
  });

  test(`${door}: refusals carry code, request id and fields`, async () => {
    const client = clients[door](MAYA);
    const whole = (error) => assert.match(error.requestId, /^[0-9A-Z]{26}$/);
    await assert.rejects(client.disconnect('no-such-connection'), refused('connection_not_found', whole));
    await assert.rejects(client.connect({ retailerId: 'walmart' }), refused('invalid_request', (error) => {
      assert.deepEqual(error.fields.map(({ field }) => field), ['retailerLinkUrl', 'redirectUrl']);
      assert.equal(error.status, 400);
    }));
    const nobody = clients[door]('');
    assert.equal(await nobody.isConfigured(), true);
    await assert.rejects(nobody.retailers(), refused('customer_not_signed_in', whole));
  });
}

test('a link is JSON by token and a page on the storefront', async () => {
  const client = clients.account(MAYA);
  const [{ link_url }] = (await client.retailers()).filter(({ retailer_id }) => retailer_id === 'walmart');
  const linkId = link_url.split('/').pop();
  const link = await client.link(linkId, '/pages/thanks');
  assert.equal(new URL(link.link_url).searchParams.get('redirect_url'), `https://${demo.shop}/pages/thanks`);
  const href = clients.storefront(MAYA).linkHref(linkId, '/pages/thanks');
  const answer = await fetchAs(MAYA)(href, { redirect: 'manual' });
  assert.equal(answer.status, 302);
  assert.ok(answer.headers.get('location').startsWith(link_url));
});

test('a bad token is a refusal', async () => {
  const bad = createClient({ basePath: new URL('/customer-account', demo.service).href, token: () => 'bad' });
  await assert.rejects(bad.retailers(), refused('invalid_session_token'));
});

test('what is not an answer of the service is not parsed', async () => {
  const answering = (body, init) => createClient({ fetch: async () => new Response(body, init) });
  const json = { 'Content-Type': 'application/json' };
  for (const [body, init] of [
    ['<html>password</html>', { headers: { 'Content-Type': 'text/html' } }],
    ['<html>down</html>', { status: 502, headers: { 'Content-Type': 'text/html' } }],
    ['{"retailers":', { headers: json }],
    ['[]', { headers: json }],
    ['{}', { status: 500, headers: json }],
    ['{}', { headers: { 'Content-Type': 'application/problem+json' } }],
    [null, { status: 204 }],
  ]) {
    await assert.rejects(answering(body, init).retailers(), refused('unexpected_answer'), String(body));
  }
});

test('the shop that is not set up is no error, and a busy one says when to come back', async () => {
  const problem = (code, status, headers) => createClient({
    fetch: async () => new Response(JSON.stringify({ code, status, detail: 'd', request_id: 'r', title: 't', type: 'u' }), {
      status,
      headers: { 'Content-Type': 'application/problem+json', ...headers },
    }),
  });
  assert.equal(await problem('shop_not_configured', 404).isConfigured(), false);
  await assert.rejects(problem('internal_error', 500).isConfigured(), refused('internal_error'));
  const busy = problem('subtotal_busy', 503, { 'Retry-After': '5' });
  await assert.rejects(busy.retailers(), refused('subtotal_busy', (error) => assert.equal(error.retryAfter, 5)));
});

test('no cookie goes with a token, and a call can be given up', async () => {
  const seen = [];
  const fetch = async (input, init) => {
    seen.push([input, init.credentials, init.headers.Authorization]);
    init.signal?.throwIfAborted();
    return new Response('{"retailers":[]}', { headers: { 'Content-Type': 'application/json; charset=utf-8' } });
  };
  assert.deepEqual(await createClient({ fetch }).retailers(), []);
  assert.deepEqual(await createClient({ basePath: 'https://app.example/customer-account', fetch, token: () => 't' }).retailers(), []);
  assert.deepEqual(seen, [
    ['/apps/subtotal/retailers', 'same-origin', undefined],
    ['https://app.example/customer-account/retailers', 'omit', 'Bearer t'],
  ]);
  await assert.rejects(createClient({ fetch }).retailers({ signal: AbortSignal.abort() }), { name: 'AbortError' });
});
