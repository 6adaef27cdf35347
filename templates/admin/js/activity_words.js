
/* Activity: people's words for what the app recorded; what has none is shown as it is */

const ACTION_WORDS = {
  "app.installed": "App installed",
  "app.scopes_changed": "Access to the shop's data changed",
  "app.uninstalled": "App uninstalled",
  "audit.pruned": "Oldest activity removed",
  "compliance.customer_redacted": "A customer's data deleted",
  "compliance.data_requested": "A customer asked for their data",
  "compliance.report_downloaded": "Report of a customer's data downloaded",
  "compliance.shop_redact_refused": "Deletion of the shop's data not carried out",
  "connections.contact_updated": "A customer's contact details updated at Subtotal",
  "deliveries.replayed": "Events sent again",
  "deliveries.test_sent": "Test event sent",
  "events.retried": "Events from Subtotal tried again",
  "key.removed": "Key removed",
  "key.stored": "Key saved",
  "key.tested": "Key tested",
  "key.used": "Key used to look at Subtotal",
  "rules.changed": "Visibility list changed",
  "rules.customer_struck": "A customer taken off visibility lists",
  "settings.changed": "Settings changed",
  "settings.integration_changed": "Klaviyo or Flow changed",
  "settings.retention_changed": "How long events are kept changed",
  "shop.updated": "Shop details updated",
};

const TOPIC_WORDS = {
  "app/scopes_update": "access to the shop's data changed",
  "app/uninstalled": "app uninstalled",
  "customers/data_request": "a customer asks for their data",
  "customers/delete": "a customer was deleted",
  "customers/redact": "delete a customer's data",
  "customers/update": "a customer was changed",
  "shop/redact": "delete the shop's data",
  "shop/update": "shop details changed",
};

const ACTOR_WORDS = {
  "command-line": "Command line",
  service: "Subtotal Connect",
  shopify: "Shopify",
  storefront: "Storefront",
};

const SECRET_WORDS = {
  klaviyo_private_key: "Klaviyo private key",
  shopify_admin_token: "Shopify Admin API token",
  subtotal_api_key: "Subtotal API key",
  subtotal_webhook_secret: "Subtotal webhook secret",
};

const OUTCOME_WORDS = {
  dead: "given up",
  done: "done",
  erased: "deleted",
  erased_here_only: "deleted here only",
  nothing_stored: "nothing was stored",
  ok: "accepted",
  recorded: "noted",
  reinstalled: "the app was installed again",
  waiting: "waiting",
};

const FIELD_WORDS = { accounts: "customer accounts", linkStyle: "link style" };

const own = (table, key) => (Object.hasOwn(table, key) ? table[key] : undefined);

function actorWords(actor) {
  const [, member] = /^staff:(.+)$/.exec(actor) || [];
  return member ? `Staff member ${member}` : own(ACTOR_WORDS, actor) ?? actor;
}

function actionWords(action) {
  const [, kind, rest] = /^(webhook|refusal)\.(.+)$/.exec(action) || [];
  if (kind === "webhook") return `Webhook: ${own(TOPIC_WORDS, rest) ?? rest}`;
  if (kind === "refusal") return `Refused: ${wordsFor(rest, rest).replace(/\.$/, "")}`;
  return own(ACTION_WORDS, action) ?? action;
}

const onOff = (value, on, off) => (value === true ? on : value === false ? off : undefined);
const listed = (heading, hosts) => Array.isArray(hosts) && `${heading}: ${hosts.length ? hosts.join(", ") : "none"}`;

/** A member of a line's detail, in words; nothing where it says no more than the rest. */
const DETAIL_WORDS = {
  allowSimulated: (value) => onOff(value, "simulated events too", ""),
  attempts: (number) => number > 1 && count(number, "attempt", "attempts"),
  connections: (number) => count(number, "account", "accounts"),
  count: (number) => `${count(number, "time", "times")} that day`,
  deliveries: (number) => count(number, "event", "events"),
  days: (number) => count(number, "day", "days"),
  delivery: () => "",
  destination: (value) => own({ klaviyo: "Klaviyo", flow: "Shopify Flow" }, value),
  domains: (hosts) => listed("domains", hosts),
  enabled: (value) => onOff(value, "on", "off"),
  enforceVisibility: (value) => onOff(value, "hidden retailers are refused", "hidden retailers are only marked"),
  event: () => "",
  events: (number) => number > 0 && count(number, "event", "events"),
  histories: (number) => number > 0 && count(number, "purchase history", "purchase histories"),
  identifier: (value) => own({ email: "found by e-mail address", customer_id: "found by customer id", mobile: "found by phone number" }, value),
  kind: (value) => String(value).replaceAll("_", " "),
  lists: (number) => typeof number === "number" && count(number, "list", "lists"),
  noEmail: (value) => own({ hide: "hidden from shoppers without an e-mail address", show: "shown to shoppers without an e-mail address" }, value),
  on: (value) => onOff(value, "on", "off"),
  outcome: (value) => own(OUTCOME_WORDS, value) ?? wordsFor(value, String(value)).replace(/\.$/, ""),
  paused: (value) => onOff(value, "paused", ""),
  redirectHosts: (hosts) => listed("further hosts", hosts),
  replaced: (value) => onOff(value, "entries changed", ""),
  scope: (value) => (value === "global" ? "all of Subtotal Connect" : `list of ${value}`),
  scopes: (value) => `access: ${Array.isArray(value) ? value.join(", ") : value}`,
  secret: (value) => own(SECRET_WORDS, value) ?? value,
  total: (number) => count(number, "entry", "entries"),
};

function detailWords(detail) {
  if (detail === null || typeof detail !== "object") return String(detail ?? "");
  const first = ["secret", "destination", "enabled", "scope", "on", "total"];
  const rank = ([name]) => (first.includes(name) ? first.indexOf(name) : first.length);
  const words = Object.entries(detail).sort((one, other) => rank(one) - rank(other)).map(([name, value]) => {
    const known = own(DETAIL_WORDS, name)?.(value);
    if (known !== undefined) return known;
    return `${own(FIELD_WORDS, name) ?? name}: ${typeof value === "string" ? value : JSON.stringify(value)}`;
  });
  const text = words.filter(Boolean).join(", ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
