// What Larkmeadow's own theme makes of the block's events: a greeting, and for the demo why a block is not there.

const banner = document.querySelector('[data-banner]');
const note = document.querySelector('[data-demo-note]');
const REASONS = {
  'not-configured': 'The app answered 404: this shop has no Subtotal API key, so the block hides itself.',
  hidden: '/visibility answered blockVisible: false: the merchant’s rules hide the block from this shopper.',
};

document.addEventListener('subtotal:success', ({ detail }) => {
  banner.textContent = `${detail.name} is linked. Your next bag there earns Seeds.`;
  banner.hidden = false;
});

document.addEventListener('subtotal:event', ({ detail }) => {
  const reason = REASONS[detail.name];
  if (detail.name === 'disconnected') banner.hidden = true;
  note.hidden = !reason;
  const title = document.createElement('strong');
  title.textContent = 'Demo note';
  if (reason) note.replaceChildren(title, ` ${reason}`);
  document.querySelector('#link-accounts').hidden = Boolean(reason);
});
