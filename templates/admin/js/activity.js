
/* Activity */

onPage("activity", (root) => {
  const find = (name) => root.querySelector(`[data-activity-${name}]`);
  const [kind, rows, status, more] = ["kind", "rows", "status", "more"].map(find);
  let next;
  let asked = 0;

  const path = (before) => `/admin/api/activity?${new URLSearchParams({ kind: kind.value || "", ...(before && { before }) })}`;
  const words = (detail) => Object.entries(detail)
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ");
  const row = ({ at, actor, action, detail }) => el("tr", {},
    el("td", {}, when(at)), el("td", {}, actor), el("td", {}, action), el("td", {}, words(detail)));

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
  load().catch(failed);
});
