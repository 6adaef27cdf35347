// What happens at Subtotal reaches the merchant's tools: scenarios of the demo, seen in the Klaviyo stand-in and on the
// pages Events, Klaviyo & Flow and Connections; one that failed is sent again from the page.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { adminProblems, downloaded, openAdmin, toasted } from './admin.mjs';
import { Demo, SHOPPERS, assertCalm, until } from './demo.mjs';

let demo;

before(async () => {
  demo = await Demo.start();
});
after(() => demo?.stop());

/** Plays a scenario and answers what the command says of it. */
function play(name, shopper, ...more) {
  return JSON.parse(demo.command('scenario', name, '--levers', demo.places.levers, '--customer', SHOPPERS[shopper], '--json', ...more));
}

/** Starts a scenario without waiting for what comes of it. */
async function start(name, shopper, retailer = 'walmart') {
  await demo.pull({ action: 'scenario', name, customer_id: SHOPPERS[shopper], retailer_id: retailer });
  await until('the end of the scenario', async () => {
    const state = await (await fetch(new URL('/levers/api/state', demo.places.subtotal_link))).json();
    return state.scenario.is_over;
  });
}

async function klaviyo(mode) {
  const answer = await fetch(new URL('/levers', demo.places.klaviyo), {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ mode }),
  });
  assert.equal(answer.status, 200);
}

async function klaviyoEvents(metric) {
  const { events } = await (await fetch(new URL('/levers/state', demo.places.klaviyo))).json();
  return events.filter((event) => event.metric === metric);
}

/** The rows of what the tools were told that say so. */
const told = (app, what, tool) => app.locator('[data-events-rows] tr[data-delivery]').filter({ hasText: what }).filter({ hasText: tool });

/** Reloads the list until a row is there. */
async function untilThere(app, row) {
  await until('the row', async () => {
    if (await row.count()) return true;
    await app.getByRole('button', { name: 'Reload', exact: true }).click();
    await app.getByText(/shown, newest first|Nothing was sent yet|None in this state/).first().waitFor();
    return (await row.count()) > 0;
  });
}

test('a scenario is seen in Klaviyo and on Events', async () => {
  assert.equal(play('lose-login', 'theo').as_expected, true);
  const page = await demo.page();
  await page.goto(demo.places.klaviyo);
  const event = page.locator('#events li').filter({ hasText: 'Unauthenticated Connection' });
  await event.filter({ hasText: 'theo' }).waitFor();
  assert.match(await event.first().locator('pre').innerText(), /"link_url": ".*connection_id=/);
  await page.context().close();

  const [staff, app] = await openAdmin(demo, '/events');
  const row = told(app, 'Needs a new login', 'Klaviyo');
  await untilThere(app, row.filter({ hasText: 'Delivered' }));
  await told(app, 'Needs a new login', 'Shopify Flow').first().waitFor();
  await app.locator('[data-inbox-rows] tr').filter({ hasText: 'Needs a new login' }).filter({ hasText: 'Done' }).first().waitFor();

  await row.first().getByRole('button', { name: /^Tries/ }).click();
  const request = app.getByRole('region', { name: 'Request of try 1' });
  await request.waitFor();
  assert.match(await request.innerText(), /^POST \/api\/events\nrevision: /);
  assert.match(await app.getByRole('region', { name: 'Answer of try 1' }).innerText(), /Status 202/);
  assert.doesNotMatch(await app.locator('[data-events]').innerText(), /@/, 'no address is shown');
  assertCalm(staff);
  await staff.context().close();
});

test('what Klaviyo refused is given up, and sent again from the page once', async () => {
  await klaviyo('refusing');
  await start('disconnect', 'jonas', 'kroger');
  const [staff, app] = await openAdmin(demo, '/events');
  const row = told(app, 'Account disconnected', 'Klaviyo');
  await untilThere(app, row.filter({ hasText: 'Given up' }));
  await app.getByText('Klaviyo refused the event with status 400').first().waitFor();
  assert.deepEqual(await klaviyoEvents('Disconnected an Account'), []);

  await klaviyo('normal');
  await row.getByRole('button', { name: 'Send again: Account disconnected' }).click();
  await toasted(staff, 'It is sent again');
  await untilThere(app, row.filter({ hasText: 'Delivered' }));
  const events = await klaviyoEvents('Disconnected an Account');
  assert.deepEqual(events.map(({ times }) => times), [1]);
  await row.getByRole('button', { name: /^Tries/ }).click();
  const tries = app.locator('[data-tries] li');
  await tries.nth(1).waitFor();
  assert.match(await tries.nth(0).innerText(), /^Delivered/);
  assert.match(await tries.nth(1).innerText(), /^Given up/);
  assertCalm(staff);
  await staff.context().close();
});

test('all that was given up is sent again with one press', async () => {
  await klaviyo('refusing');
  await start('purchases', 'maya', 'costco');
  const [staff, app] = await openAdmin(demo, '/events');
  const dead = told(app, 'Purchase', 'Klaviyo').filter({ hasText: 'Given up' });
  await until('three refused purchases', async () => {
    await app.getByRole('button', { name: 'Reload', exact: true }).click();
    await app.getByText('shown, newest first').first().waitFor();
    return (await dead.count()) >= 3;
  });
  await klaviyo('normal');
  await app.getByRole('button', { name: 'Send again what was given up' }).click();
  await toasted(staff, /sent again/);
  await untilThere(app, told(app, 'Purchase', 'Klaviyo').filter({ hasText: 'Delivered' }).nth(2));
  assert.ok((await klaviyoEvents('Purchased at Retailer')).every(({ times }) => times === 1));
  assertCalm(staff);
  await staff.context().close();
});

test('a paused tool waits, and goes on when it is resumed', async () => {
  const [staff, app] = await openAdmin(demo, '/events');
  await app.getByRole('button', { name: 'Pause Klaviyo' }).click();
  await app.getByText('Klaviyo is paused', { exact: true }).waitFor();
  const before = (await klaviyoEvents('Reauthenticated Connection')).length;
  await start('relink', 'dana', 'amazon');
  const row = told(app, 'Signed in again', 'Klaviyo');
  await untilThere(app, row.filter({ hasText: 'Waiting' }));
  assert.equal((await klaviyoEvents('Reauthenticated Connection')).length, before);
  assert.deepEqual(await adminProblems(staff), []);
  await staff.reload();
  await app.getByRole('button', { name: 'Resume Klaviyo' }).click();
  await app.getByText('Klaviyo is paused', { exact: true }).waitFor({ state: 'hidden' });
  await untilThere(app, row.filter({ hasText: 'Delivered' }));
  assert.equal((await klaviyoEvents('Reauthenticated Connection')).length, before + 1);
  assertCalm(staff);
  await staff.context().close();
});

test('a test event is tried from Klaviyo & Flow and seen there', async () => {
  const [staff, app] = await openAdmin(demo, '/integrations');
  const form = app.locator('[data-test-event]').first();
  await form.getByRole('textbox').first().fill('priya@larkmeadow.example');
  await form.getByRole('button', { name: /Send/ }).click();
  await app.getByText('It was delivered', { exact: true }).waitFor();
  const page = await demo.page();
  await page.goto(demo.places.klaviyo);
  await page.locator('#events li').filter({ hasText: 'priya@larkmeadow.example' }).waitFor();
  await page.context().close();
  assertCalm(staff);
  await staff.context().close();
});

test('Connections has those to win back, with the link Klaviyo was told', async () => {
  play('lose-login', 'sol', '--retailer', 'petco');
  const [staff, app] = await openAdmin(demo, '/connections');
  const row = app.locator('[data-known-rows] tr').filter({ hasText: `Customer ${SHOPPERS.sol}` });
  await row.filter({ hasText: 'Needs a new login' }).waitFor();
  const { name, text } = await downloaded(staff, () => app.getByRole('button', { name: 'Export as CSV' }).click());
  assert.equal(name, 'connections.csv');
  const line = text.split(/\r?\n/).find((one) => one.includes(SHOPPERS.sol));
  const link = new URL(line.match(/https?:[^",]+/)[0]);
  assert.equal(link.searchParams.get('connection_id'), await row.getAttribute('data-connection'));
  const visit = await fetch(link);
  assert.equal(visit.status, 200, 'Subtotal Link opens');
  assertCalm(staff);
  await staff.context().close();
});

test('how long events are kept is said in days', async () => {
  const [staff, app] = await openAdmin(demo, '/events');
  const days = app.getByLabel('Days after an event ended');
  await days.fill('400');
  await app.locator('[data-retention]').getByRole('button', { name: 'Save' }).click();
  await app.getByText('Enter a whole number from 1 to 365').waitFor();
  await days.fill('7');
  await app.locator('[data-retention]').getByRole('button', { name: 'Save' }).click();
  await toasted(staff, 'Saved');
  await staff.reload();
  await app.locator('[data-kept-days]').getByText('7 days').waitFor();
  assertCalm(staff);
  await staff.context().close();
});
