// The profile block on the demo's profile page, with answers of the test's choosing.

const DOOR = '/customer-account';
const NOTHING = '[data-rendered]:empty';

/** Opens the profile page. `answers` replaces what the service says, by path; a script of another origin may read it. */
export async function openProfile(demo, page, answers = {}) {
  for (const [path, answer] of Object.entries(answers)) await page.route(`**${DOOR}${path}`, (route) => reply(route, answer));
  await page.goto(demo.shop('/account/profile'));
  await settled(page);
  return page.locator('#profile-block');
}

/** Whether the block has come to rest: rows, a message, or nothing at all. */
export async function settled(page) {
  await page.locator('#profile-block[data-rendered]').waitFor({ state: 'attached' });
  await page.locator('#profile-block s-skeleton-paragraph').waitFor({ state: 'detached' });
}

/** Whether it shows nothing. */
export const isHidden = (page) => page.locator(`#profile-block${NOTHING}`).count().then(Boolean);

/** A retailer's row. */
export const row = (page, name) =>
  page.locator('s-query-container > s-stack > s-stack').filter({ has: page.locator('s-text').getByText(name, { exact: true }) });

/** What a row's buttons say; those of its dialog do not count. */
export const buttons = (page, name) => row(page, name).locator('s-button:not(s-modal *)').allTextContents();

function reply(route, answer) {
  if (answer === 'abort') return route.abort();
  const headers = { 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Headers': 'authorization,content-type' };
  if (answer.html) return route.fulfill({ headers, contentType: 'text/html', body: answer.html });
  const contentType = answer.code ? 'application/problem+json' : 'application/json';
  return route.fulfill({ status: answer.status ?? 200, headers, contentType, body: JSON.stringify(answer) });
}

/** Counts calls of the second door by `METHOD /path`, from now on; a preflight is the browser's own. */
export function counted(page) {
  const calls = {};
  page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (!pathname.startsWith(`${DOOR}/`) || request.method() === 'OPTIONS') return;
    const call = `${request.method()} ${pathname.slice(DOOR.length)}`;
    calls[call] = (calls[call] ?? 0) + 1;
  });
  return calls;
}
