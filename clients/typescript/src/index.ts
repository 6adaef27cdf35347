// Typed calls of Subtotal Connect. The types come from its OpenAPI document; nothing else is depended on.

import type { components } from './schema.js';

type Schemas = components['schemas'];

export type Configuration = Schemas['Configuration'];
export type Visibility = Schemas['Visibility'];
export type Retailer = Schemas['Retailer'];
export type Connection = Schemas['Connection'];
export type Link = Schemas['Link'];
export type Disconnected = Schemas['Disconnected'];
export type ConnectionsBody = Schemas['ConnectionsBody'];
export type FieldError = Schemas['FieldError'];
export type ProblemCode = Schemas['ProblemCode'];

export interface ClientOptions {
  /** Where the endpoints are: the app proxy's path, or `https://…/customer-account`. */
  basePath?: string;
  /** Instead of the global `fetch`. */
  fetch?: typeof globalThis.fetch;
  /** Gives a fresh session token for each call, as `shopify.sessionToken.get` does. Not on the storefront. */
  token?: () => string | Promise<string>;
}

export interface CallOptions {
  signal?: AbortSignal;
}

/** A refusal, or an answer that is not the service's at all. */
export class SubtotalError extends Error {
  override readonly name = 'SubtotalError';

  constructor(
    message: string,
    /** Stable. `unexpected_answer`: something else answered, such as a store's password page. */
    readonly code: ProblemCode | 'unexpected_answer',
    readonly status: number,
    /** Which line of the service's log it is. */
    readonly requestId: string | undefined,
    /** With `invalid_request`: every field that is wrong. */
    readonly fields: readonly FieldError[] = [],
    /** After how many seconds to try again, where the service says so. */
    readonly retryAfter: number | undefined = undefined,
  ) {
    super(message);
  }
}

export type Client = ReturnType<typeof createClient>;

/** Calls of one door. Each rejects with a `SubtotalError`, or with what `fetch` rejects with. */
export function createClient({ basePath = '/apps/subtotal', fetch, token }: ClientOptions = {}) {
  const base = basePath.replace(/\/+$/, '');
  const send = fetch ?? ((input: string, init?: RequestInit) => globalThis.fetch(input, init));

  async function call<T>(method: 'GET' | 'POST', path: string, body?: unknown, options: CallOptions = {}): Promise<T> {
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    if (token) headers['Authorization'] = `Bearer ${await token()}`;
    const init: RequestInit = { method, headers, credentials: token ? 'omit' : 'same-origin' };
    if (body !== undefined) init.body = JSON.stringify(body);
    if (options.signal) init.signal = options.signal;
    return read<T>(await send(`${base}${path}`, init));
  }

  return {
    /** Whether the merchant has set Subtotal Connect up. */
    async isConfigured(options?: CallOptions): Promise<boolean> {
      try {
        await call<Configuration>('GET', '/configuration', undefined, options);
        return true;
      } catch (error) {
        if (error instanceof SubtotalError && error.code === 'shop_not_configured') return false;
        throw error;
      }
    },

    /** What the merchant's rules say about this customer. */
    visibility: (options?: CallOptions) => call<Visibility>('GET', '/visibility', undefined, options),

    /** The shop's retailers, each with this customer's connection. */
    async retailers(options?: CallOptions): Promise<Retailer[]> {
      return (await call<Schemas['Retailers']>('GET', '/retailers', undefined, options)).retailers;
    },

    /** Opens a connection, there already or created now, and gives the Link URL to send the browser to. */
    connect: (body: ConnectionsBody, options?: CallOptions) => call<Link>('POST', '/connections', body, options),

    /** Disconnects a connection of this customer. */
    disconnect: (connectionId: string, options?: CallOptions) =>
      call<Disconnected>('POST', '/disconnect-connection', { connectionId }, options),

    /** The Link URL for one retailer, in one step. By session token only: see `linkHref` for the storefront. */
    link: (linkId: string, redirectUrl?: string, options?: CallOptions) =>
      call<Link>('GET', linkPath(linkId, redirectUrl), undefined, options),

    /** A page of the storefront to navigate to, which redirects into Subtotal Link. */
    linkHref: (linkId: string, redirectUrl?: string): string => `${base}${linkPath(linkId, redirectUrl)}`,
  };
}

function linkPath(linkId: string, redirectUrl?: string): string {
  const query = redirectUrl === undefined ? '' : `?redirect_url=${encodeURIComponent(redirectUrl)}`;
  return `/link/${encodeURIComponent(linkId)}${query}`;
}

/** The body of an answer that is the service's; everything else is an error, before anything of it is parsed. */
async function read<T>(response: Response): Promise<T> {
  const mediaType = response.headers.get('Content-Type')?.split(';')[0]?.trim().toLowerCase() ?? '';
  const requestId = response.headers.get('X-Request-Id') ?? undefined;
  const isProblem = mediaType === 'application/problem+json';
  const body: unknown =
    isProblem || mediaType === 'application/json' ? await response.json().catch(() => undefined) : undefined;
  if (response.ok && !isProblem && isObject(body)) return body as T;
  if (isProblem && isObject(body) && typeof body['code'] === 'string') {
    const problem = body as Schemas['Problem'];
    const { detail, code, status, request_id, errors } = problem;
    throw new SubtotalError(detail, code, status, request_id, errors ?? [], seconds(response));
  }
  const what = `not an answer of Subtotal Connect: status ${response.status}, ${mediaType || 'no media type'}`;
  throw new SubtotalError(what, 'unexpected_answer', response.status, requestId);
}

function seconds(response: Response): number | undefined {
  const header = response.headers.get('Retry-After');
  return header !== null && /^\d+$/.test(header) ? Number(header) : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
