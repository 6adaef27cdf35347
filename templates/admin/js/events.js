
/* Events */

onPage("events", (root) => {
  const KINDS = {
    connected: "Account connected", reauthenticated: "Signed in again", unauthenticated: "Needs a new login",
    disconnected: "Account disconnected", purchased: "Purchase", product_purchased: "Product bought",
  };
  const STATES = {
    waiting: ["Waiting", "info"], sending: ["Being sent", "info"], delivered: ["Delivered", "success"],
    failed: ["Failed", "warning"], dead: ["Given up", "critical"], skipped: ["Skipped", "neutral"],
  };
  const TOOLS = { klaviyo: "Klaviyo", flow: "Shopify Flow" };
  const find = (name) => root.querySelector(`[data-events-${name}]`);
  const [state, rows, status, more, replayAll] = ["state", "rows", "status", "more", "replay-all"].map(find);
  let next;
  let asked = 0;

  const path = (before) => `/admin/api/deliveries?${new URLSearchParams({ state: state.value || "", ...(before && { before }) })}`;
  const replay = (delivery, name) => el("s-button", {
    type: "button", variant: "tertiary", accessibilityLabel: `Send again: ${name}`,
    click: (event) => run(event.currentTarget, async () => {
      await sendJson("POST", `/admin/api/deliveries/${encodeURIComponent(delivery.id)}/replay`, {});
      toast("It is sent again");
      await load();
    }),
  }, "Send again");
  /** The row of a delivery, and a button that opens its tries below it. */
  const row = (delivery) => {
    const [word, tone] = STATES[delivery.state] || [delivery.state, "neutral"];
    const name = KINDS[delivery.kind] || delivery.kind;
    const again = ["dead", "failed", "skipped"].includes(delivery.state);
    return el("tr", { "data-delivery": delivery.id },
      el("td", {}, when(delivery.happenedAt)),
      el("td", { class: "what" }, name, delivery.test && " ", delivery.test && badge("Test", "info"), el("p", { class: "quiet" }, `${delivery.retailerId}, connection ${delivery.connectionId}${delivery.simulated ? ", simulated" : ""}`)),
      el("td", {}, TOOLS[delivery.destination] || delivery.destination),
      el("td", {}, badge(word, tone), delivery.lastProblem && el("p", { class: "quiet" }, delivery.lastProblem),
        delivery.nextAttemptAt && delivery.state === "failed" && el("p", { class: "quiet" }, "Next try ", when(delivery.nextAttemptAt))),
      el("td", {}, el("span", { class: "narrow" }, "Tries: "), String(delivery.attempts)),
      el("td", { class: "do" }, el("div", { class: "row" }, triesButton(delivery, name), again && replay(delivery, name))));
  };

  /** What follows `before`, or the newest. An answer that a later question overtook is dropped. */
  const load = async (before) => {
    const mine = ++asked;
    fill(status, "Loading…");
    const page = await getJson(path(before));
    if (mine !== asked) return;
    if (!before) fill(rows);
    rows.append(...page.deliveries.map(row));
    const shown = rows.querySelectorAll("[data-delivery]").length;
    find("table").hidden = shown === 0;
    const all = Object.entries(page.states).map(([name, number]) => `${number.toLocaleString("en")} ${(STATES[name]?.[0] || name).toLowerCase()}`);
    fill(status, shown > 0 ? `${count(shown, "event", "events")} shown, newest first. In all: ${all.join(", ")}.` : state.value ? "None in this state." : "Nothing was sent yet.");
    replayAll.hidden = !page.states.dead;
    next = page.next;
    more.hidden = next === undefined;
  };
  const failed = (problem) => {
    fill(status, "Not known at the moment.");
    showProblem(problem, "The events could not be loaded");
    return true;
  };

  state.addEventListener("change", () => {
    clearBanner();
    load().catch(failed);
  });
  more.addEventListener("click", () => run(more, () => load(next), failed));
  find("reload").addEventListener("click", (event) => run(event.currentTarget, () => load(), failed));
  replayAll.addEventListener("click", () => run(replayAll, async () => {
    const { queued } = await sendJson("POST", "/admin/api/deliveries/replay-failed", {});
    toast(`${count(queued, "event is", "events are")} sent again`);
    await load();
  }));
  load().catch(failed);
});
