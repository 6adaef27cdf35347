
/* Events: what Subtotal told */

onPage("inbox", (root) => {
  const KINDS = {
    "connection.activated": "Account linked", "connection.initialized": "Linking started",
    "connection.unauthenticated": "Needs a new login", "connection.disconnected": "Account disconnected",
    "connection.deleted": "Account deleted", "purchase.created": "Purchase",
  };
  const STATES = {
    waiting: ["Waiting", "info"], done: ["Done", "success"], ignored: ["Nothing to do", "neutral"],
    unreadable: ["Not readable", "warning"], failed: ["Given up", "critical"],
  };
  const find = (name) => root.querySelector(`[data-inbox-${name}]`);
  const [state, rows, status, more, retryAll] = ["state", "rows", "status", "more", "retry-all"].map(find);
  let next;
  let asked = 0;

  const path = (before) => `/admin/api/events?${new URLSearchParams({ state: state.value || "", ...(before && { before }) })}`;
  const retry = (event, name) => el("s-button", {
    type: "button", variant: "tertiary", accessibilityLabel: `Try again: ${name}`,
    click: (click) => run(click.currentTarget, async () => {
      await sendJson("POST", `/admin/api/events/${encodeURIComponent(event.id)}/retry`, {});
      toast("It is tried again");
      await load();
    }),
  }, "Try again");
  // Drawn as blocks on phones, which takes the meaning of a table away from its elements; the roles keep it.
  const cell = (kind, ...children) => el("td", { class: kind, role: "cell" }, ...children);
  const row = (event) => {
    const [word, tone] = STATES[event.state] || [event.state, "neutral"];
    const name = KINDS[event.type] || event.type;
    const of = [event.retailerId, event.connectionId && `connection ${event.connectionId}`, event.simulated && "simulated"];
    return el("tr", { role: "row", "data-event": event.id },
      cell("when", when(event.receivedAt)),
      cell("what", name, el("p", { class: "quiet id" }, of.filter(Boolean).join(", "))),
      cell("state", badge(word, tone), event.problem && el("p", { class: "quiet" }, event.problem)),
      cell("count", event.attempts > 0 && count(event.attempts, "try", "tries")),
      cell("do", event.state === "failed" && retry(event, name)));
  };

  /** What follows `before`, or the newest. An answer that a later question overtook is dropped. */
  const load = async (before) => {
    const mine = ++asked;
    fill(status, "Loading…");
    const page = await getJson(path(before));
    if (mine !== asked) return;
    if (!before) fill(rows);
    rows.append(...page.events.map(row));
    const shown = rows.rows.length;
    find("table").hidden = shown === 0;
    const all = Object.entries(page.states).map(([name, number]) => `${number.toLocaleString("en")} ${(STATES[name]?.[0] || name).toLowerCase()}`);
    const histories = page.failedHistories ? ` ${count(page.failedHistories, "purchase history was", "purchase histories were")} given up.` : "";
    const none = state.value ? "None in this state." : "Subtotal told nothing yet. Its events appear here once its webhook is set up under Connection to Subtotal.";
    fill(status, (shown > 0 ? `${count(shown, "event", "events")} shown, newest first. In all: ${all.join(", ")}.` : none) + histories);
    retryAll.hidden = !page.states.failed && !page.failedHistories;
    next = page.next;
    more.hidden = next === undefined;
  };
  const failed = (problem) => {
    fill(status, "Not known at the moment.");
    showProblem(problem, "What Subtotal told could not be loaded");
    return true;
  };

  state.addEventListener("change", () => {
    clearBanner();
    load().catch(failed);
  });
  more.addEventListener("click", () => run(more, () => load(next), failed));
  find("reload").addEventListener("click", (event) => run(event.currentTarget, () => load(), failed));
  retryAll.addEventListener("click", () => run(retryAll, async () => {
    const { queued } = await sendJson("POST", "/admin/api/events/retry-failed", {});
    toast(`${count(queued, "thing is", "things are")} tried again`);
    await load();
  }));
  load().catch(failed);
});
