// The app's backend, asked by its second front door: the storefront API, with the customer's session token.

export interface Connection {
  connection_id: string;
  retailer_id: string;
  status: string;
}

export interface Retailer {
  retailer_id: string;
  name: string;
  link_url: string;
  images?: { icon?: { light?: string; dark?: string } };
  connection?: Connection;
}

interface Visibility {
  blockVisible: boolean;
  restrictedRetailerIds: string[];
}

const PATIENCE_MS = 15_000;

/** What went wrong; `code` is the app's own, or one of `unreachable` and `not_json`. */
export class Trouble extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

export class Door {
  constructor(private readonly appUrl: string, private readonly token: () => Promise<string>) {}

  /** What this customer may see, or null where the merchant's rules hide the block. */
  async retailers(): Promise<Retailer[] | null> {
    // Rules that can not be read hide nothing.
    const [{ blockVisible = true, restrictedRetailerIds = [] }, { retailers }] = await Promise.all([
      this.ask<Partial<Visibility>>('/visibility').catch((): Partial<Visibility> => ({})),
      this.ask<{ retailers: Retailer[] }>('/retailers'),
    ]);
    return blockVisible ? retailers.filter((retailer) => !restrictedRetailerIds.includes(retailer.retailer_id)) : null;
  }

  /** Where Subtotal Link is opened for a retailer. */
  async link(retailer: Retailer, redirectUrl: string): Promise<string> {
    const { connection } = retailer;
    const { link_url } = await this.ask<{ link_url: string }>('/connections', {
      retailerId: retailer.retailer_id,
      retailerLinkUrl: retailer.link_url,
      redirectUrl,
      connectionId: connection?.status === 'unauthenticated' ? connection.connection_id : undefined,
    });
    const address = web(link_url);
    if (!address) throw new Trouble('bad_link_url');
    return address;
  }

  async disconnect(connection: Connection): Promise<void> {
    await this.ask('/disconnect-connection', { connectionId: connection.connection_id });
  }

  private async ask<Answer>(path: string, body?: unknown): Promise<Answer> {
    const headers: Record<string, string> = { Accept: 'application/json', Authorization: `Bearer ${await this.token()}` };
    if (body) headers['Content-Type'] = 'application/json';
    const response = await fetch(`${this.appUrl.replace(/\/+$/, '')}/customer-account${path}`, {
      method: body ? 'POST' : 'GET',
      headers,
      body: body ? JSON.stringify(body) : undefined,
      signal: AbortSignal.timeout(PATIENCE_MS),
    }).catch(() => {
      throw new Trouble('unreachable');
    });
    const isJson = /[/+]json\b/.test(response.headers.get('content-type') ?? '');
    const answer = isJson ? await response.json().catch(() => null) : null;
    if (response.ok && answer) return answer;
    throw new Trouble(answer?.code ?? 'not_json');
  }
}

/** An address that a page may lead to: absolute and http(s). */
export function web(address: string | undefined): string | undefined {
  return address && /^https?:\/\//i.test(address) && URL.canParse(address) ? address : undefined;
}
