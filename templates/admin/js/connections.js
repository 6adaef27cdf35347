
/* Connections */

/** How long ago that was, in words. */
function age(moment) {
  const minutes = Math.max(0, (Date.now() - Date.parse(moment)) / 60_000);
  const [number, one, many] = [
    [minutes / 525_600, "year", "years"], [minutes / 43_800, "month", "months"],
    [minutes / 1440, "day", "days"], [minutes / 60, "hour", "hours"], [minutes, "minute", "minutes"],
  ].find(([number, one]) => number >= (one === "month" ? 2 : 1)) || [0];
  return number ? count(Math.floor(number), one, many) : "just now";
}

onPage("known", (root) => {
  const TONES = { active: "success", unauthenticated: "warning", revoked: "critical", initialized: "info" };
  const EMPTY = {
    unauthenticated: "Nobody needs a new login. When a retailer ends a shopper's login, the shopper appears here with a link to sign in again.",
    "": "No account is known yet. Accounts appear here once shoppers link them on your storefront, or Subtotal's events tell of them.",
  };
  const find = (name) => root.querySelector(`[data-known-${name}]`);
  const [filter, order, rows, status, more] = ["status-filter", "order", "rows", "status", "more"].map(find);
  const picked = (select, otherwise) => select.value ?? otherwise;
  let next;
  let asked = 0;
  // Told with the first page only.
  let states = {};
  let linksAreThere = true;

  const path = (before) => `/admin/api/connections?${new URLSearchParams({
    status: picked(filter, "unauthenticated"), order: picked(order, "newest"), ...(before && { before }) })}`;
  // Drawn as blocks on phones, which takes the meaning of a table away from its elements; the roles keep it.
  const cell = (kind, ...children) => el("td", { class: kind, role: "cell" }, ...children);
  const customer = (id) => /^[1-9][0-9]{0,19}$/.test(id || "")
    ? link(`shopify:admin/customers/${id}`, `Customer ${id}`) : "Customer not known";
  const row = ({ connectionId, customerId, retailerId, retailerName, status: state, since, simulated, relinkUrl }) => {
    const name = retailerName || retailerId;
    const label = `Copy the login link of ${name}${customerId ? ` for customer ${customerId}` : ""}`;
    return el("tr", { role: "row", "data-connection": connectionId },
      cell("what", name, simulated && " ", simulated && badge("Simulated", "neutral"), el("p", { class: "quiet id" }, connectionId)),
      cell("who", customer(customerId)),
      cell("state", badge(STATUS_WORDS[state] || state, TONES[state] || "neutral")),
      cell("age", el("time", { datetime: since, title: new Date(since).toLocaleString("en") }, age(since))),
      cell("do", relinkUrl ? copyButton(relinkUrl, label) : state !== "active" && linksAreThere && el("span", { class: "quiet" }, "Retailer not in your project")));
  };

  /** What follows `before`, or the first. An answer that a later question overtook is dropped. */
  const load = async (before) => {
    const mine = ++asked;
    fill(status, "Loading…");
    const page = await getJson(path(before));
    if (mine !== asked) return;
    if (!before) {
      fill(rows);
      states = page.states;
    }
    linksAreThere = !page.relinkProblem;
    rows.append(...page.connections.map(row));
    const shown = rows.rows.length;
    const state = picked(filter, "unauthenticated");
    const others = Object.entries(states).filter(([name]) => name !== state)
      .map(([name, number]) => `${number.toLocaleString("en")} ${(STATUS_WORDS[name] || name).toLowerCase()}`);
    const known = Object.values(states).reduce((sum, number) => sum + number, 0);
    find("table").hidden = shown === 0;
    const first = state === "unauthenticated" ? count(states[state] || 0, "account needs a new login", "accounts need a new login") : count(shown, "account shown", "accounts shown");
    fill(status, shown ? `${first}.${others.length ? ` ${state ? "Besides" : "In all"}: ${others.join(" · ")}.` : ""}` : known ? EMPTY[state] || "None in this state." : EMPTY[""]);
    // Links that are missing need a word only where there would be any.
    const lacks = page.relinkProblem && page.connections.some((connection) => connection.status !== "active");
    find("problem").hidden = !lacks;
    fill(find("problem"), lacks && el("s-banner", { tone: "warning", heading: "No login links at the moment" },
      paragraph(wordsFor(page.relinkProblem, "Subtotal could not be asked for them."))));
    next = page.next;
    more.hidden = next === undefined;
  };
  const failed = (problem) => {
    fill(status, "Not known at the moment.");
    showProblem(problem, "The connections could not be loaded");
    return true;
  };

  for (const select of [filter, order]) {
    select.addEventListener("change", () => {
      clearBanner();
      load().catch(failed);
    });
  }
  more.addEventListener("click", () => run(more, () => load(next), failed));
  find("reload").addEventListener("click", (event) => run(event.currentTarget, () => load(), failed));
  find("download").addEventListener("click", (event) => run(event.currentTarget, () => download(path(), "connections.csv")));
  load().catch(failed);
});
