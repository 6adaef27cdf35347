// What the merchant chose in the checkout and accounts editor.

import { web } from './door';

export interface Settings {
  appUrl: string | undefined;
  heading: string | undefined;
  /** `undefined` for all. */
  retailers: string[] | undefined;
  purchaseLinks: Map<string, string>;
  returnUrl: string;
}

export function read(given: Record<string, unknown>): Settings {
  const text = (key: string) => (typeof given[key] === 'string' ? given[key].trim() : '') || undefined;
  const links = new Map<string, string>();
  for (const line of (text('purchase_links') ?? '').split('\n')) {
    const [id, address] = line.trim().split(/\s+/);
    const found = web(address);
    if (id && found) links.set(id, found);
  }
  return {
    appUrl: web(text('app_url')),
    heading: text('heading'),
    retailers: text('retailers')?.match(/[^,\s]+/g) ?? undefined,
    purchaseLinks: links,
    returnUrl: text('return_url') ?? '/account',
  };
}
