// --- Redirects and activity -------------------------------------------------------------------------------------

/** Calls the service; App Bridge adds the session token. Answers the response and, of JSON, its body. */
async function ask(method, path, body) {
  const request = { method, headers: { Accept: 'application/json' } };
  if (body !== undefined) {
    request.headers['Content-Type'] = 'application/json';
    request.body = JSON.stringify(body);
  }
  const response = await fetch(path, request);
  const answer = await response.json().catch(() => ({}));
  return { ok: response.ok, status: response.status, answer };
}

/** What went wrong, in a person's words. */
function problemText({ status, answer }) {
  if (answer.code === 'version_conflict') {
    return 'Somebody else changed this meanwhile. Reload the page and repeat your change.';
  }
  const errors = (answer.errors ?? []).map((error) => error.message);
  return errors.length > 0 ? errors.join(' ') : (answer.detail ?? `That did not work (${status}). Try again.`);
}

/** The list of hosts: a hidden field holds it, so that the save bar sees every change. */
function startRedirects(form) {
  const part = (name) => document.querySelector(`[data-redirects-${name}]`);
  const field = form.elements.namedItem('redirectHosts');
  const read = () => field.value.split(' ').filter(Boolean);
  let saved = read();

  const show = () => {
    const hosts = read();
    part('empty').hidden = hosts.length > 0;
    part('list').replaceChildren(...hosts.map((host) => {
      const item = document.createElement('li');
      const name = document.createElement('span');
      name.textContent = host;
      const remove = document.createElement('s-button');
      remove.setAttribute('type', 'button');
      remove.setAttribute('accessibilityLabel', `Remove ${host}`);
      remove.textContent = 'Remove';
      remove.addEventListener('click', () => {
        change(read().filter((other) => other !== host), `${host} is removed once you save.`);
        part('new').focus();
      });
      item.append(name, ' ', remove);
      return item;
    }));
  };
  const complain = (text) => {
    part('problem').textContent = text;
  };
  const change = (hosts, said) => {
    field.value = hosts.join(' ');
    complain('');
    part('status').textContent = said;
    show();
    for (const name of ['input', 'change']) {
      field.dispatchEvent(new Event(name, { bubbles: true }));
    }
  };
  const add = () => {
    const host = part('new').value.trim().toLowerCase();
    if (host === '') return;
    if (/[\s/]/.test(host)) return complain(`“${host}” is not a host name such as shop.example.com.`);
    part('new').value = '';
    change([...new Set([...read(), host])], `${host} is added once you save.`);
  };

  part('add').addEventListener('click', add);
  part('new').addEventListener('keydown', (event) => {
    if (event.key === 'Enter') {
      event.preventDefault();
      add();
    }
  });
  form.addEventListener('reset', () => {
    field.value = saved.join(' ');
    complain('');
    show();
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const version = Number(form.dataset.version);
    const { ok, ...rest } = await ask('PUT', '/admin/api/settings', { redirectHosts: read(), version });
    if (!ok) return complain(problemText(rest));
    saved = rest.answer.redirectHosts;
    form.dataset.version = rest.answer.version;
    field.value = saved.join(' ');
    complain('');
    show();
    shopify.toast.show('Saved');
  });
  show();
}

/** The table of what happened, page by page. */
function startActivity(region) {
  const part = (name) => document.querySelector(`[data-activity-${name}]`);
  const path = (before) => {
    const query = new URLSearchParams({ kind: part('kind').value ?? '' });
    if (before) query.set('before', before);
    return `/admin/api/activity?${query}`;
  };
  const words = (detail) => Object.entries(detail)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`).join(', ');
  let next;
  let asked = 0;

  const load = async (before) => {
    const mine = ++asked;
    part('status').textContent = 'Loading';
    const { ok, ...rest } = await ask('GET', path(before));
    if (mine !== asked) return;
    if (!ok) {
      part('status').textContent = problemText(rest);
      return;
    }
    const rows = rest.answer.entries.map(({ at, actor, action, detail }) => {
      const row = document.createElement('tr');
      const time = document.createElement('time');
      time.dateTime = at;
      time.textContent = new Date(at).toLocaleString();
      row.insertCell().append(time);
      for (const text of [actor, action, words(detail)]) row.insertCell().textContent = text;
      return row;
    });
    if (before) part('rows').append(...rows);
    else part('rows').replaceChildren(...rows);
    const total = part('rows').rows.length;
    region.hidden = total === 0;
    part('status').textContent = total === 0 ? 'Nothing yet.' : `${total} shown`;
    next = rest.answer.next;
    part('more').hidden = next === undefined;
  };

  part('kind').addEventListener('change', () => load());
  part('more').addEventListener('click', () => load(next));
  part('download').addEventListener('click', async () => {
    const response = await fetch(path(), { headers: { Accept: 'text/csv' } });
    if (!response.ok) {
      part('status').textContent = problemText({ status: response.status, answer: {} });
      return;
    }
    const link = document.createElement('a');
    link.href = URL.createObjectURL(await response.blob());
    link.download = 'activity.csv';
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  });
  load();
}

const redirects = document.querySelector('[data-redirects]');
if (redirects) startRedirects(redirects);
const activity = document.querySelector('[data-activity]');
if (activity) startActivity(activity);
