
/* Activity */

onPage("activity", (root) => {
  const find = (name) => root.querySelector(`[data-activity-${name}]`);
  const [kind, rows, status, more] = ["kind", "rows", "status", "more"].map(find);
  let next;
  let asked = 0;

  const path = (before) => `/admin/api/activity?${new URLSearchParams({ kind: kind.value || "", ...(before && { before }) })}`;
  // Drawn as blocks on phones, which takes the meaning of a table away from its elements; the roles keep it.
  const cell = (kind, ...children) => el("td", { class: kind, role: "cell" }, ...children);
  const row = ({ at, actor, action, detail }) => el("tr", { role: "row" }, cell("when", when(at)), cell("who", actorWords(actor)),
    cell("what", actionWords(action)), cell("details", detailWords(detail)));

  /** What follows `before`, or the newest. An answer that a later question overtook is dropped. */
  const load = async (before) => {
    const mine = ++asked;
    fill(status, "Loading…");
    const page = await getJson(path(before));
    if (mine !== asked) return;
    if (!before) fill(rows);
    rows.append(...page.entries.map(row));
    const shown = rows.rows.length;
    find("table").hidden = shown === 0;
    fill(status, shown > 0 ? `${count(shown, "line", "lines")} shown, newest first` : kind.value ? "Nothing of this kind yet." : "Nothing happened yet.");
    next = page.next;
    more.hidden = next === undefined;
  };
  const failed = (problem) => {
    fill(status, "Not known at the moment.");
    showProblem(problem, "The activity could not be loaded");
    return true;
  };

  kind.addEventListener("change", () => {
    clearBanner();
    load().catch(failed);
  });
  more.addEventListener("click", () => run(more, () => load(next), failed));
  find("download").addEventListener("click", (event) => run(event.currentTarget, () => download(path(), "activity.csv")));
  showDataRequests(root.querySelector("[data-requests]"));
  load().catch(failed);
});

/** Who asked for their data, and the report to give them. */
async function showDataRequests(place) {
  try {
    const { requests } = await getJson("/admin/api/data-requests");
    if (!requests.length) {
      fill(place, paragraph("No customer has asked for their data. Shopify passes such requests on, and they appear here."));
      return;
    }
    fill(place,
      paragraph("These customers asked what is stored about them. Download the report and send it to them within 30 days of their request. It is made from what is stored at that moment."),
      el("ul", { class: "entries" }, ...requests.map(dataRequest)));
  } catch (problem) {
    fill(place, paragraph("Not known at the moment."));
    showProblem(problem, "The privacy requests could not be loaded");
  }
}

function dataRequest({ id, customerId, at }) {
  const save = () => run(button, () => download(`/admin/api/data-requests/${encodeURIComponent(id)}`, `data-request-${id.replace(/[^a-z0-9]/gi, "-")}.json`, "application/json"));
  const label = `Download report for customer ${customerId}, request ${id}`;
  const button = el("s-button", { type: "button", accessibilityLabel: label, click: save }, "Download report");
  return el("li", {}, el("span", { class: "entry" }, el("strong", {}, `Customer ${customerId}`), " asked on ", when(at)), button);
}
