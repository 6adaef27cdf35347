// The demo bar: how Shopify's Admin API behaves.

const adminApi = document.querySelector('[data-admin-api]');
const adminApiNote = document.querySelector('[data-admin-api-note]');

adminApi.addEventListener('change', async (event) => {
  const response = await fetch('/sandbox/admin-api', {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ mode: event.target.value }),
  });
  adminApiNote.textContent = response.ok
    ? 'From the next lookup on. The service remembers e-mails for some minutes.'
    : 'That did not work.';
});

// A menu that stays open over the page is in the way: Escape and a click elsewhere close it.
const menus = document.querySelectorAll('details.who, details.demo-controls');
document.addEventListener('click', (event) => {
  for (const menu of menus) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  for (const menu of menus) {
    if (!menu.open) continue;
    menu.open = false;
    menu.querySelector('summary').focus();
  }
});
