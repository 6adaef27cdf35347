// A stand-in for what Shopify gives the extension: a document, `shopify`, `navigation`; and for the app's backend.

import { readFileSync } from 'node:fs';

import { Window } from 'happy-dom';

const WORDS = JSON.parse(readFileSync(new URL('../locales/en.default.json', import.meta.url)));

/** Renders the extension anew. `answer(path, body)` is the backend: what it returns is sent, what it throws breaks the line. */
export async function open(code, { settings = { app_url: 'https://app.example' }, editor, answer }) {
  const window = new Window();
  const page = { calls: [], navigated: [], toasts: [], document: window.document };
  const text = (key, values = {}) => WORDS[key].replace(/\{\{(\w+)\}\}/g, (_, name) => values[name]);
  Object.assign(globalThis, {
    document: window.document,
    navigation: { navigate: (url) => page.navigated.push(url) },
    shopify: {
      settings: { value: settings },
      extension: { editor },
      sessionToken: { get: async () => 'customer-token' },
      i18n: { translate: text },
      toast: { show: (words) => page.toasts.push(words) },
    },
    fetch: async (url, { method, headers, body }) => {
      const path = new URL(url).pathname;
      page.calls.push({ url, path, method, headers, body: body && JSON.parse(body) });
      const { status = 200, html, ...json } = answer(path, body && JSON.parse(body));
      const type = html ? 'text/html' : 'application/json';
      return new Response(html ?? JSON.stringify(json), { status, headers: { 'Content-Type': type } });
    },
  });
  const source = `data:text/javascript;base64,${Buffer.from(code).toString('base64')}#${Math.random()}`;
  const { default: extension } = await import(source);
  await extension();
  page.rest = async () => {
    for (let turns = 0; turns < 20; turns += 1) await new Promise((done) => setTimeout(done, 2));
  };
  page.text = () => window.document.body.textContent;
  page.buttons = () => [...window.document.querySelectorAll('s-button')];
  page.press = async (words) => {
    const found = page.buttons().filter((button) => button.textContent === words);
    found.at(-1).click();
    await page.rest();
  };
  await page.rest();
  return page;
}
