
/* Home */

onPage("home", async (root) => {
  const places = { health: "[data-health]", connections: "[data-connections]", refusals: "[data-refusals]" };
  const place = (name) => root.querySelector(places[name]);
  let status;
  try {
    status = await getJson("/admin/api/status");
  } catch (problem) {
    showProblem(problem, "The state of your set-up could not be checked");
    Object.keys(places).forEach((name) => fill(place(name), paragraph("Not known at the moment.")));
    root.querySelectorAll("[data-state]").forEach((state) => state.textContent === "Checking" && state.replaceChildren("Not known"));
    fill(root.querySelector("[data-progress]"), "Reload the page to check again.");
    return;
  }
  showSteps(root, status);
  showHealth(place("health"), status);
  showRefusals(place("refusals"), status.refusals || []);
  const names = new Map();
  if (status.subtotal?.ok && status.connections?.byRetailer) {
    const retailers = await loadRetailers().catch(() => []);
    retailers.forEach((retailer) => names.set(retailer.id, retailer.name));
  }
  showConnections(place("connections"), status.connections, names);
});

function showSteps(root, { configured, subtotal, connections, storefrontSeenAt }) {
  const steps = {
    key: configured,
    accepted: Boolean(subtotal?.ok),
    retailers: (subtotal?.retailers ?? 0) > 0,
    storefront: Boolean(storefrontSeenAt),
    linked: (connections?.byStatus?.active ?? 0) > 0,
  };
  const unknown = connections ? [] : ["storefront", "linked"].filter((name) => !steps[name]);
  let done = 0;
  for (const [name, isDone] of Object.entries(steps)) {
    const step = root.querySelector(`[data-step="${name}"]`);
    const state = step.querySelector("[data-state]");
    const isProblem = name === "accepted" && configured && !isDone;
    state.replaceChildren(isDone ? "Done" : isProblem ? "Problem" : unknown.includes(name) ? "Not known" : "To do");
    if (isDone || isProblem) state.setAttribute("tone", isDone ? "success" : "critical");
    else state.removeAttribute("tone");
    step.toggleAttribute("data-done", isDone);
    done += isDone ? 1 : 0;
  }
  if (subtotal?.ok && subtotal.retailers === 0) {
    const text = "Subtotal accepts the key, but no retailer is set up in your project yet. Add one in your Subtotal dashboard.";
    fill(root.querySelector('[data-step="retailers"] [data-detail]'), text);
  } else if (steps.retailers) {
    const found = root.querySelector('[data-step="retailers"] [data-detail]');
    fill(found, `${count(subtotal.retailers, "retailer", "retailers")} found. `, link("/admin/retailers", "See retailers"));
  }
  if (storefrontSeenAt) {
    fill(root.querySelector('[data-step="storefront"] [data-detail]'), "Last seen ", when(storefrontSeenAt), ".");
  }
  if (steps.linked) {
    const linked = count(connections.byStatus.active, "account is linked", "accounts are linked");
    fill(root.querySelector('[data-step="linked"] [data-detail]'), `${linked}.`);
  }
  const total = Object.keys(steps).length;
  fill(root.querySelector("[data-progress]"), done === total ? "Everything is set up." : `${done} of ${total} steps done.`);
}

function showHealth(place, { configured, apiKeyHint, subtotal, tokens }) {
  const rows = [];
  if (!configured) {
    fill(place, paragraph("No API key is stored yet. ", link("/admin/subtotal", "Connect to Subtotal")));
  } else {
    const state = subtotal?.ok ? badge("Working", "success") : badge("Not working", "critical");
    rows.push(el("div", { class: "row" }, state, el("span", {}, subtotal?.ok
      ? `Subtotal answered in ${subtotal.latencyMs} ms.`
      : wordsFor(subtotal?.problem, "Subtotal did not answer as it should."))));
    if (apiKeyHint) rows.push(paragraph("The stored key ends in ", el("strong", {}, apiKeyHint), "."));
    fill(place, ...rows);
  }
  if (tokens && !tokens.ok) {
    banner("warning", "Shopify no longer lets the app look up customers", paragraph(
      "Close the app and open it again from the Shopify admin to renew its access. Until then, shoppers count as having no e-mail address."));
  }
}

/** Counts as bars that a screen reader reads as a table. */
function showConnections(place, connections, names) {
  if (!connections) {
    fill(place, paragraph("The counts are not available at the moment."));
    return;
  }
  const byStatus = Object.entries(connections.byStatus || {}).filter(([, number]) => number > 0);
  if (!byStatus.length) {
    fill(place, paragraph("No shopper has linked an account yet. The counts appear here once one has."));
    return;
  }
  const byRetailer = Object.entries(connections.byRetailer || {}).map(([id, counts]) => {
    const number = typeof counts === "number" ? counts : Object.values(counts).reduce((sum, each) => sum + each, 0);
    return [names.get(id) || id, number];
  });
  const lost = connections.byStatus.unauthenticated;
  fill(place,
    lost > 0 && paragraph(link("/admin/connections", count(lost, "needs a new login", "need a new login"))),
    bars("By state", "State", byStatus.map(([status, number]) => [STATUS_WORDS[status] || status, number])),
    byRetailer.length > 0 && bars("By retailer", "Retailer", byRetailer));
}

function bars(caption, heading, rows) {
  const most = Math.max(...rows.map(([, number]) => number));
  const sorted = [...rows].sort((one, other) => other[1] - one[1]);
  const body = sorted.map(([name, number]) => {
    const bar = el("span", { class: "bar", "aria-hidden": "true" });
    bar.style.inlineSize = `${(100 * number) / most}%`;
    return el("tr", {}, el("th", { scope: "row" }, name), el("td", { class: "track" }, bar), el("td", { class: "number" }, number.toLocaleString("en")));
  });
  const head = el("thead", { class: "unseen" }, el("tr", {}, el("th", { scope: "col" }, heading), el("td"), el("th", { scope: "col" }, "Accounts")));
  return el("table", { class: "bars" }, el("caption", {}, caption), head, el("tbody", {}, ...body));
}

function showRefusals(place, refusals) {
  if (!refusals.length) {
    fill(place, paragraph("None lately. Requests of your storefront that were refused are counted here by reason."));
    return;
  }
  fill(place, el("ul", { class: "plain" }, ...refusals.map(({ code, count: number, lastAt }) => el("li", {},
    el("strong", {}, wordsFor(code, code).replace(/\.$/, "")), ` – ${count(number, "time", "times")}, last `, when(lastAt)))));
}
