// Visibility rules: edited by staff, alone and two at once, and looked at through a shopper's eyes. Every test has a
// retailer's list of its own.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { downloaded, listLoaded, openAdmin, save, saveBar, tabInApp, toasted } from './admin.mjs';
import { Demo, SHOP, SHOPPERS, assertCalm, tabTo } from './demo.mjs';

/** Refusals that a test asks for are remarked on by Chromium. */
const REFUSED = /status of 400/;
const CONFLICT = /status of 409/;

let demo;

before(async () => {
  demo = await Demo.start();
});
after(() => demo?.stop());

/** A list open on Visibility. */
async function openList(scope, options) {
  const [page, app] = await openAdmin(demo, `/visibility?scope=${scope}`, options);
  await listLoaded(app);
  return [page, app];
}

const entries = (app) => app.getByRole('list', { name: 'Entries' }).getByRole('listitem');
const field = (app) => app.getByLabel('E-mail addresses and domains');
const nobody = (app) => app.getByText('The list is empty, so nobody can see it.');

/** Adds entries and turns the list on, as somebody did earlier. */
async function fillList(scope, texts) {
  const [page, app] = await openList(scope);
  await app.getByLabel('Only shoppers on the list').check();
  await field(app).fill(texts.join('\n'));
  await save(page);
  await toasted(page, `Saved: ${texts.length} `);
  await page.context().close();
}

test('a list is switched on, pasted into and saved by the save bar', async () => {
  const [page, app] = await openList('walmart');
  await app.getByText('Nobody is on the list yet.').waitFor();
  assert.equal(await saveBar(page).isVisible(), false);
  await app.getByLabel('Only shoppers on the list').check();
  await nobody(app).waitFor();
  await saveBar(page).waitFor();
  await field(app).fill('Anna@Example.com\n\n  example.org,\n');
  await nobody(app).waitFor({ state: 'hidden' });
  await save(page);
  await toasted(page, 'Saved: 2 entries');
  await saveBar(page).waitFor({ state: 'hidden' });
  await page.reload();
  await listLoaded(app);
  assert.deepEqual((await entries(app).allInnerTexts()).map((text) => text.split('\n')[0]).toSorted(), ['anna@example.com', 'example.org']);
  assert.equal(await app.getByLabel('Only shoppers on the list').isChecked(), true);
  assert.equal(await field(app).inputValue(), '');

  // One is taken off again, with a second thought on the way; Discard brings both back.
  await app.getByRole('button', { name: 'Remove anna@example.com' }).click();
  await app.getByText('Will be removed', { exact: true }).waitFor();
  await app.getByRole('button', { name: 'Keep anna@example.com' }).click();
  await saveBar(page).waitFor({ state: 'hidden' });
  await app.getByRole('button', { name: 'Remove anna@example.com' }).click();
  await saveBar(page).getByRole('button', { name: 'Discard' }).click();
  await app.getByText('Will be removed', { exact: true }).waitFor({ state: 'hidden' });
  assert.equal(await entries(app).count(), 2);
  await app.getByRole('button', { name: 'Remove anna@example.com' }).click();
  await save(page);
  await toasted(page, 'Saved: 1 entry');
  await app.getByText('1 entry', { exact: true }).waitFor();
  assert.deepEqual([await entries(app).count(), await entries(app).first().innerText().then((text) => text.split('\n')[0])], [1, 'example.org']);

  // Retailers show the rule.
  await page.getByRole('link', { name: 'Retailers' }).click();
  await app.getByText('Only 1 entry').first().waitFor();
  assertCalm(page);
  await page.context().close();
});

test('a bad line is named and nothing is changed', async () => {
  const [page, app] = await openList('target');
  const sent = 'good@example.com\n\nno address\n@';
  await field(app).fill(sent);
  await save(page);
  const alert = app.getByRole('alert').filter({ hasText: 'Line 3' });
  await alert.waitFor();
  await app.getByText('Nothing was changed: 2 lines are wrong').waitFor();
  const named = await alert.getByRole('listitem').allInnerTexts();
  assert.deepEqual(named.map((text) => text.split(' ').slice(0, 3).join(' ')), ['Line 3: no', 'Line 4: @']);
  assert.equal(await field(app).inputValue(), sent);
  await saveBar(page).waitFor();
  await app.getByText('Nobody is on the list yet.').waitFor();
  await field(app).fill('good@example.com');
  await save(page);
  await toasted(page, 'Saved');
  await app.getByRole('button', { name: 'Remove good@example.com' }).waitFor();
  assert.equal(await app.getByText('lines are wrong').count(), 0);
  assertCalm(page, REFUSED);
  await page.context().close();
});

test('a file is uploaded, paged through, searched, downloaded and replaces the list', async () => {
  const [page, app] = await openList('amazon');
  const lines = Array.from({ length: 120 }, (_, number) => `shopper-${String(number).padStart(3, '0')}@example.com`);
  const csv = (texts) => ({ name: 'early.csv', mimeType: 'text/csv', buffer: Buffer.from(['entry', ...texts].join('\r\n')) });
  const file = app.getByLabel('Or a CSV file with an entry a line');
  await app.getByLabel('Only shoppers on the list').check();
  await file.setInputFiles(csv(lines));
  await app.getByText('early.csv: 120 entries.').waitFor();
  await save(page);
  await toasted(page, 'Saved: 120 entries');
  await app.getByText('1–50 of 120 entries', { exact: true }).waitFor();
  await app.getByRole('button', { name: 'Next' }).click();
  await app.getByText('51–100 of 120 entries', { exact: true }).waitFor();
  assert.equal((await entries(app).first().innerText()).split('\n')[0], lines[50]);

  await app.getByLabel('Search the list').fill('pper-07');
  await app.getByText('10 entries found', { exact: true }).waitFor();
  await app.getByLabel('Search the list').fill('nobody@');
  await app.getByText('Nothing found. Try a part of the address.').waitFor();
  await app.getByLabel('Search the list').fill('');
  await app.getByText('1–50 of 120 entries', { exact: true }).waitFor();

  const saved = await downloaded(page, () => app.getByRole('button', { name: 'Download CSV' }).click());
  assert.equal(saved.name, 'visibility-amazon.csv');
  assert.deepEqual(saved.text.trim().split('\r\n'), ['entry', ...lines]);

  // A file with a bad line, meant to replace everything, changes nothing.
  await file.setInputFiles(csv(['one@example.com', 'two words', 'three@example.com']));
  await app.getByLabel('Replace the whole list with them').check();
  await save(page);
  await app.getByText('Nothing was changed: 1 line is wrong').waitFor();
  await app.getByRole('alert').getByText('Line 3').waitFor();
  await file.setInputFiles(csv(['one@example.com', 'three@example.com']));
  await save(page);
  await toasted(page, 'Saved: 2 entries');
  await app.getByText('2 entries', { exact: true }).waitFor();
  assertCalm(page, REFUSED);
  await page.context().close();
});

test('two staff who save at once: one is told, keeps the changes, and nothing of the other is lost', async () => {
  const [one, two] = await Promise.all([openList('kroger', { staff: 'priya' }), openList('kroger', { staff: 'tom' })]);
  await field(one[1]).fill('from-priya@example.com');
  await field(two[1]).fill('from-tom@example.com');
  await one[1].getByLabel('Only shoppers on the list').check();
  await Promise.all([save(one[0]), save(two[0])]);
  const conflict = 'Somebody else changed this list';
  const [loser, winner] = await Promise.race([
    one[1].getByText(conflict).waitFor().then(() => [one, two]),
    two[1].getByText(conflict).waitFor().then(() => [two, one]),
  ]);
  await toasted(winner[0], 'Saved');
  const mine = await field(loser[1]).inputValue();
  assert.match(mine, /^from-(priya|tom)@example\.com$/);
  await saveBar(loser[0]).waitFor();
  await loser[1].getByRole('button', { name: 'Reload the list and keep my changes' }).click();
  await loser[1].getByText('This is the list as it is now').waitFor();
  await loser[1].getByText('Your changes are still here and not saved yet.').waitFor();
  assert.equal(await field(loser[1]).inputValue(), mine);
  assert.equal(await entries(loser[1]).count(), 1);
  await save(loser[0]);
  await toasted(loser[0], 'Saved: 2 entries');
  const both = (await entries(loser[1]).allInnerTexts()).map((text) => text.split('\n')[0]).toSorted();
  assert.deepEqual(both, ['from-priya@example.com', 'from-tom@example.com']);
  assert.equal(await loser[1].getByLabel('Only shoppers on the list').isChecked(), true);

  // The one who saved first is behind now. Discarding shows the other's list.
  await field(winner[1]).fill('third@example.com');
  await save(winner[0]);
  await winner[1].getByText(conflict).waitFor();
  await winner[1].getByRole('button', { name: 'Discard my changes' }).click();
  await winner[1].getByText('2 entries', { exact: true }).waitFor();
  assert.equal(await field(winner[1]).inputValue(), '');
  await saveBar(winner[0]).waitFor({ state: 'hidden' });
  for (const [page] of [loser, winner]) {
    assertCalm(page, CONFLICT);
    await page.context().close();
  }
});

test('all entries are removed at once, with words on what follows and a way back', async () => {
  await fillList('costco', ['a@example.com', 'b@example.com', 'example.net']);
  const [page, app] = await openList('costco');
  await app.getByRole('button', { name: 'Remove all entries' }).click();
  await app.getByText('All 3 entries will be removed when you save').waitFor();
  await app.getByText('The list is on, so nobody will see it').waitFor();
  await nobody(app).waitFor();
  assert.equal(await app.getByText('Will be removed', { exact: true }).count(), 3);
  await app.getByRole('button', { name: 'Keep the entries' }).click();
  await saveBar(page).waitFor({ state: 'hidden' });
  assert.equal(await app.getByText('Will be removed', { exact: true }).count(), 0);

  // What somebody else adds meanwhile is not removed unseen.
  await app.getByRole('button', { name: 'Remove all entries' }).click();
  const [other, theirs] = await openList('costco', { staff: 'tom' });
  await field(theirs).fill('late@example.com');
  await save(other);
  await toasted(other, 'Saved: 4 entries');
  await save(page);
  await app.getByText('Somebody else changed this list').waitFor();
  await app.getByRole('button', { name: 'Reload the list and keep my changes' }).click();
  await app.getByText('All 4 entries will be removed when you save').waitFor();
  await app.getByLabel('Everyone', { exact: true }).check();
  await app.getByText('The list is off, so everyone goes on seeing it.').waitFor();
  await app.getByLabel('Only shoppers on the list').check();
  await app.getByRole('button', { name: 'Show who gains and loses' }).click();
  await app.getByText('4 entries', { exact: true }).last().waitFor();
  await save(page);
  await toasted(page, 'Saved: 0 entries');
  await app.getByText('Nobody is on the list yet.').waitFor();
  await nobody(app).waitFor();
  assert.equal(await app.getByRole('button', { name: 'Remove all entries' }).isVisible(), false);
  assertCalm(page, CONFLICT);
  await page.context().close();
  await other.context().close();
});

test('how strictly is saved, and a conflict shows what the other chose', async () => {
  const [one, two] = await Promise.all([openList('global', { staff: 'priya' }), openList('global', { staff: 'tom' })]);
  const strictly = ([, app]) => app.getByLabel('Refuse what is hidden');
  const submit = ([, app]) => app.getByRole('button', { name: 'Save settings' }).click();
  assert.equal(await strictly(one).isChecked(), false);
  await strictly(one).check();
  await submit(one);
  await toasted(one[0], 'Settings saved');
  await two[1].getByLabel('Show it to them').check();
  await submit(two);
  await two[1].getByText('Somebody else changed the settings').waitFor();
  await two[1].getByText('They are shown as they are now.').waitFor();
  assert.equal(await strictly(two).isChecked(), true);
  assert.equal(await two[1].getByLabel('Hide from them what has a list').isChecked(), true);
  await two[1].getByLabel('Show it to them').check();
  await submit(two);
  await toasted(two[0], 'Settings saved');
  await one[0].reload();
  await listLoaded(one[1]);
  assert.equal(await one[1].getByLabel('Show it to them').isChecked(), true);
  assert.equal(await strictly(one).isChecked(), true);
  assertCalm(one[0]);
  assertCalm(two[0], CONFLICT);
  await Promise.all([one, two].map(([page]) => page.context().close()));
});

test('an e-mail address shows what its shopper sees and why', async () => {
  const [page, app] = await openAdmin(demo, '/preview');
  const [email, customer] = [app.getByLabel('E-mail address'), app.getByLabel('Or the number of a customer')];
  const look = () => app.getByRole('button', { name: 'See what they see' }).click();
  const why = (scope) => app.getByRole('listitem').filter({ has: app.getByText(scope, { exact: true }) });
  await look();
  await app.getByText('Enter an e-mail address, or the number of a customer below.').waitFor();
  await email.fill('maya');
  await look();
  await app.getByText(/^This must be an e-mail address/).waitFor();
  await email.fill('maya@example.com');
  await look();
  await app.getByText(/^They see Subtotal Connect without .*Petco/).waitFor();
  await why('Petco').getByText('No entry of the list matches the address.').waitFor();
  await why('Petco').getByText('Hidden').waitFor();
  await why('All of Subtotal Connect').getByText('This list is off: everyone sees it.').waitFor();
  await email.fill('');
  await customer.fill(SHOPPERS.dana);
  await look();
  await why('Petco').getByText('The entry @larkmeadow.example is on the list.').waitFor();
  await why('Petco').getByText('Shown').waitFor();
  await customer.fill(SHOPPERS.sol);
  await look();
  await app.getByText('Shopify gives no e-mail address for this customer').waitFor();
  assertCalm(page, REFUSED);
  await page.context().close();
});

test('changes that are not saved show who gains and who loses', async () => {
  const [page, app] = await openList('petco');
  const compare = () => app.getByRole('button', { name: 'Show who gains and loses' }).click();
  await compare();
  await app.getByText('Nobody gains or loses by these changes.').waitFor();
  await field(app).fill('maya@example.com');
  await app.getByRole('button', { name: 'Remove larkmeadow.example' }).click();
  await app.getByLabel('As this shopper (optional)').fill('maya@example.com');
  await compare();
  const side = (name) => app.locator('.sides > div').filter({ has: app.getByText(name, { exact: true }) });
  await side('Gain').getByText('maya@example.com').waitFor();
  await side('Lose').getByText('larkmeadow.example').waitFor();
  await app.getByText('The entry maya@example.com is on the list.').waitFor();
  await app.getByLabel('Everyone', { exact: true }).check();
  await compare();
  await app.getByText('Everyone else gains: the list is turned off.').waitFor();
  await field(app).fill('not an address');
  await compare();
  await app.getByText('Nothing was changed: 1 line is wrong').waitFor();

  await page.reload();
  await listLoaded(app);
  await app.getByRole('button', { name: 'Remove larkmeadow.example' }).waitFor();
  assert.equal(await entries(app).count(), 1);
  assert.equal(await app.getByLabel('Only shoppers on the list').isChecked(), true);
  assertCalm(page, REFUSED);
  await page.context().close();
});

test('the keyboard alone edits a list and saves it', async () => {
  const [page, app] = await openList('publix');
  await tabInApp(page, 'radio', 'Everyone');
  await page.keyboard.press('ArrowDown');
  await nobody(app).waitFor();
  await tabInApp(page, 'textbox', 'E-mail addresses and domains');
  await page.keyboard.type('keys@example.com');
  await page.keyboard.press('Enter');
  await page.keyboard.type('example.edu');
  await tabTo(page, 'button', 'Save');
  await page.keyboard.press('Enter');
  await toasted(page, 'Saved: 2 entries');
  await tabInApp(page, 'button', 'Remove keys@example.com');
  await page.keyboard.press('Space');
  await app.getByRole('button', { name: 'Keep keys@example.com' }).waitFor();
  await tabTo(page, 'button', 'Save');
  await page.keyboard.press('Space');
  await toasted(page, 'Saved: 1 entry');
  await app.getByText('1 entry', { exact: true }).waitFor();
  await tabInApp(page, 'button', 'Remove all entries');
  await page.keyboard.press('Enter');
  await app.getByText('The entry will be removed when you save').waitFor();
  await tabTo(page, 'button', 'Save');
  await page.keyboard.press('Enter');
  await toasted(page, 'Saved: 0 entries');
  assertCalm(page);
  await page.context().close();
});
