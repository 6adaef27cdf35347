// The storefront API, called the way Subtotal's documentation shows. Relative paths only: Shopify's app proxy signs
// each request and adds who is signed in.

const BASE = '/apps/subtotal';
const PATIENCE_MS = 15000;

/** What went wrong, in words for the page. `code` is the service's own and may be missing. */
export class Problem extends Error {
  constructor({ title, detail, code, status, requestId }) {
    super(title);
    Object.assign(this, { title, detail, code, status, requestId });
  }

  /** Any error as a problem, so that callers show one thing. */
  static of(error) {
    if (error instanceof Problem) return error;
    return new Problem({ title: 'Something went wrong on this page', detail: String(error?.message ?? error) });
  }
}

async function ask(path, init = {}) {
  let response;
  try {
    response = await fetch(BASE + path, { signal: AbortSignal.timeout(PATIENCE_MS), ...init });
  } catch {
    throw new Problem({ title: 'The shop can not be reached', detail: 'Check your connection, then try again.' });
  }
  // A shop behind its password page answers HTML; so does Shopify when the app is down.
  const json = /[/+]json\b/.test(response.headers.get('content-type') ?? '');
  const body = json ? await response.json().catch(() => null) : null;
  if (response.ok && body !== null) return body;
  throw new Problem({
    title: body?.title ?? (response.ok ? 'The shop answered with something else' : 'The app did not answer'),
    detail: body?.detail ?? (json ? undefined : `Expected JSON, got a page (status ${response.status}).`),
    code: body?.code,
    status: response.status,
    requestId: body?.request_id ?? response.headers.get('x-request-id') ?? undefined,
  });
}

function post(path, body) {
  return ask(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
}

/** Whether the shop has stored a Subtotal API key. */
export async function isSubtotalConnectConfigured() {
  try {
    await ask('/configuration');
    return true;
  } catch (error) {
    if (error.status === 404) return false;
    throw error;
  }
}

/** The merchant's rules for this customer. When they can not be read, nothing is hidden, as the documentation has it. */
export async function checkVisibility() {
  try {
    return await ask('/visibility');
  } catch (error) {
    if (error.code === 'customer_not_signed_in') throw error;
    return { blockVisible: true, restrictedRetailerIds: [], unread: true };
  }
}

export async function getRetailers() {
  const data = await ask('/retailers');
  return data.retailers;
}

/** The Subtotal Link URL for a retailer; `redirectUrl` is where the shopper comes back to. */
export async function startLinkFlow(retailer, redirectUrl) {
  const body = { retailerId: retailer.retailer_id, retailerLinkUrl: retailer.link_url, redirectUrl };
  if (retailer.connection?.status === 'unauthenticated') {
    // Reauthenticate an existing connection
    body.connectionId = retailer.connection.connection_id;
  }
  const { link_url } = await post('/connections', body);
  return link_url;
}

/** The same without a call: an address for a plain link, which does all the work when it is followed. */
export function linkAddress(retailer, redirectUrl) {
  const linkId = new URL(retailer.link_url).pathname.split('/').filter(Boolean).pop();
  return `${BASE}/link/${encodeURIComponent(linkId)}?redirect_url=${encodeURIComponent(redirectUrl)}`;
}

export async function disconnect(connectionId) {
  await post('/disconnect-connection', { connectionId });
}
