
/* Visibility */

const ENTRIES_PER_PAGE = 50;
const MAX_LIST_BYTES = 8 * 1024 * 1024;

onPage("visibility", (root) => {
  const find = (name) => root.querySelector(`[data-${name}]`);
  const form = find("list-form");
  const [scope, on, text, file, mode, search] = ["scope", "on", "text", "file", "mode", "search"].map(find);
  const [entries, compared, badLines, conflict] = ["entries", "compared", "bad-lines", "conflict"].map(find);
  /** The list as it was loaded, what is to be removed, and where the pages stand. */
  const state = { scope: "global", on: false, total: 0, found: 0, version: 0, removed: new Set(), cleared: false, offset: 0, asked: 0, upload: null, touched: 0 };

  const names = new Map();

  const path = (query) => `/admin/api/lists/${encodeURIComponent(state.scope)}${query ? `?${new URLSearchParams(query)}` : ""}`;
  const isOn = () => chosen(on) === "on";
  const typed = () => state.upload?.text ?? (text.value || "");
  const isTyped = () => typed().trim() !== "";
  const isReplacing = () => state.cleared || (chosen(mode) === "replace" && isTyped());
  const isDirty = () => isOn() !== state.on || state.cleared || state.removed.size > 0 || isTyped();

  /** Lets the save bar know of a change that was not typed, or of one that could not be saved. */
  const touch = () => {
    const field = find("removed");
    field.value = isDirty() ? String(++state.touched) : "";
    for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, { bubbles: true }));
  };

  const forgetEdits = () => {
    state.removed.clear();
    state.cleared = false;
    state.upload = null;
    text.value = "";
    file.value = "";
    find("removed").value = "";
    find("file-name").replaceChildren();
    choose(mode, "add");
    [compared, badLines, conflict].forEach((place) => place.replaceChildren());
  };

  const warnIfEmpty = () => {
    const left = state.cleared ? 0 : state.total - state.removed.size;
    find("empty-warning").hidden = !(isOn() && left <= 0 && !isTyped());
    showCleared();
  };

  /** What removing everything will do, once it is asked for. */
  const showCleared = () => {
    const button = find("remove-all");
    button.hidden = state.total === 0;
    button.textContent = state.cleared ? "Keep the entries" : "Remove all entries";
    if (state.cleared) fill(find("cleared"), clearedBanner(state.total, isOn(), isTyped()));
    else find("cleared").replaceChildren();
  };

  /** One page of the entries, as the search finds them. An answer that a later question overtook is dropped. */
  const load = async () => {
    const asked = ++state.asked;
    entries.setAttribute("aria-busy", "true");
    const query = { q: (search.value || "").trim(), offset: state.offset, limit: ENTRIES_PER_PAGE };
    const list = await getJson(path(query));
    if (asked !== state.asked) return null;
    const { total, found, version } = list;
    Object.assign(state, { total, found, version });
    state.page = list.entries;
    showEntries();
    return list;
  };

  const open = async () => {
    const list = await load();
    if (!list) return;
    state.on = list.on;
    choose(on, list.on ? "on" : "off");
    warnIfEmpty();
  };

  const showEntries = () => {
    const { page } = state;
    find("count").textContent = countWords(page.length);
    fill(entries, ...page.map((entry) => entryRow(entry)));
    find("pages").hidden = state.found <= ENTRIES_PER_PAGE;
    setDisabled(find("previous"), state.offset === 0);
    setDisabled(find("next"), state.offset + page.length >= state.found);
  };

  const countWords = (shown) => {
    const isSearch = (search.value || "").trim() !== "";
    if (shown === 0) return isSearch ? "Nothing found. Try a part of the address." : "Nobody is on the list yet. Add shoppers above.";
    const all = `${count(state.found, "entry", "entries")}${isSearch ? " found" : ""}`;
    const [from, to] = [state.offset + 1, state.offset + shown].map((number) => number.toLocaleString("en"));
    return shown === state.found ? all : `${from}–${to} of ${all}`;
  };

  const entryRow = (entry) => {
    const shown = entry.startsWith("@") ? entry.slice(1) : entry;
    const row = el("li", {});
    const draw = () => {
      const gone = state.cleared || state.removed.has(entry);
      const toggle = () => {
        if (!state.removed.delete(entry)) state.removed.add(entry);
        draw();
        row.querySelector("s-button").focus();
        warnIfEmpty();
        touch();
      };
      fill(row,
        el(gone ? "s" : "span", { class: "entry" }, shown),
        gone ? badge("Will be removed", "warning") : entry.startsWith("@") ? badge("Domain", "info") : "",
        !state.cleared && el("s-button", { type: "button", variant: "tertiary", accessibilityLabel: `${gone ? "Keep" : "Remove"} ${shown}`, click: toggle }, gone ? "Keep" : "Remove"));
    };
    draw();
    return row;
  };

  /** What the list would become; `lines` are the numbers of the lines that are sent. */
  const draft = () => {
    const read = entriesOf(typed());
    const texts = read.map(({ entry }) => entry);
    const list = isReplacing()
      ? { on: isOn(), entries: texts }
      : { on: isOn(), add: texts, remove: [...state.removed] };
    return { list, lines: read.map(({ line }) => line) };
  };

  const save = async () => {
    const headers = { "Content-Type": "text/csv", Accept: "application/json" };
    const { list, lines } = draft();
    try {
      const saved = isReplacing() && isTyped()
        ? await (await call("PUT", path({ on: isOn(), version: state.version }), { body: typed(), headers })).json()
        : await sendJson("PUT", path(), { ...list, version: state.version });
      clearBanner();
      forgetEdits();
      state.offset = 0;
      toast(`Saved: ${saved.on ? count(saved.total, "entry", "entries") : "everyone sees it"}`);
      await open();
    } catch (problem) {
      touch();
      if (problem.code === "version_conflict") return void showConflict();
      const wrong = (problem.errors || []).filter((error) => error.line);
      if (wrong.length) return void showBadLines(wrong, isReplacing() ? null : lines);
      showProblem(problem, "The list was not saved");
    }
  };

  const showBadLines = (wrong, lines) => {
    const rows = wrong.slice(0, 100).map(({ line, entry, message }) => el("li", {},
      el("strong", {}, `Line ${lines ? lines[line - 1] : line}`), ": ", el("code", {}, entry), ` ${message}.`));
    const more = wrong.length > 100 && paragraph(`… and ${wrong.length - 100} more.`);
    fill(badLines, el("s-banner", { tone: "critical", heading: `Nothing was changed: ${count(wrong.length, "line is", "lines are")} wrong` },
      el("ul", { class: "plain" }, ...rows), more));
    badLines.scrollIntoView({ block: "center" });
  };

  const showConflict = () => {
    const keep = el("s-button", { type: "button", variant: "primary", click: () => run(keep, keepMine, failed) }, "Reload the list and keep my changes");
    const drop = el("s-button", { type: "button", click: () => form.reset() }, "Discard my changes");
    fill(conflict, el("s-banner", { tone: "warning", heading: "Somebody else changed this list" },
      paragraph("Nothing was saved and nothing of theirs is lost. Reload the list to see their changes next to yours, then save again."),
      el("div", { class: "row" }, keep, drop)));
    conflict.scrollIntoView({ block: "center" });
    keep.focus();
  };

  const keepMine = async () => {
    const [before, mine] = [state.on, isOn()];
    const list = await load();
    if (!list) return;
    state.on = list.on;
    if (mine === before) choose(on, list.on ? "on" : "off");
    const changed = list.on !== before ? ` They turned it ${list.on ? "on" : "off"}.` : "";
    fill(conflict, el("s-banner", { tone: "info", heading: "This is the list as it is now" },
      paragraph(`It has ${count(list.total, "entry", "entries")}.${changed} Your changes are still here and not saved yet.`)));
    warnIfEmpty();
    touch();
  };

  const failed = (problem) => {
    showProblem(problem, "The list could not be loaded");
    fill(entries);
    find("count").textContent = "Not known at the moment.";
    return true;
  };
  const reload = () => load().catch(failed);

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    badLines.replaceChildren();
    save();
  });
  form.addEventListener("reset", () => setTimeout(() => {
    clearBanner();
    forgetEdits();
    open().catch(failed);
  }));
  form.addEventListener("change", warnIfEmpty);
  form.addEventListener("input", () => {
    compared.replaceChildren();
    warnIfEmpty();
  });

  scope.addEventListener("change", () => {
    const wanted = scope.value || "global";
    if (wanted === state.scope) return;
    if (isDirty()) {
      scope.value = state.scope;
      return void banner("warning", "Save or discard your changes first", paragraph("Then choose another list."));
    }
    clearBanner();
    forgetEdits();
    search.value = "";
    Object.assign(state, { scope: wanted, offset: 0 });
    history.replaceState(null, "", `/admin/visibility?scope=${encodeURIComponent(wanted)}`);
    open().catch(failed);
  });

  let waiting;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { state.offset = 0; reload(); }, 300);
  });
  find("previous").addEventListener("click", () => { state.offset = Math.max(0, state.offset - ENTRIES_PER_PAGE); reload(); });
  find("next").addEventListener("click", () => { state.offset += ENTRIES_PER_PAGE; reload(); });

  file.addEventListener("change", async () => {
    const [picked] = file.files;
    state.upload = null;
    if (picked && picked.size > MAX_LIST_BYTES) {
      file.value = "";
      fill(find("file-name"), WORDS.payload_too_large);
    } else if (picked) {
      state.upload = { name: picked.name, text: await picked.text() };
      fill(find("file-name"), `${picked.name}: ${count(entriesOf(state.upload.text).length, "entry", "entries")}. The file is used instead of what is typed above.`);
    } else {
      find("file-name").replaceChildren();
    }
    warnIfEmpty();
    touch();
  });

  const compare = async () => {
    const { list } = draft();
    const email = (find("as").value || "").trim();
    const body = { lists: { [state.scope]: list }, ...(email && { email }) };
    const answer = await sendJson("POST", "/admin/api/preview", body);
    const view = email ? shopperView(answer, names, false) : {};
    fill(compared, view.verdict, view.why, ...changesSection(answer.changes));
  };
  find("compare-form").addEventListener("submit", (event) => {
    event.preventDefault();
    badLines.replaceChildren();
    markField(find("as"), "");
    run(find("compare"), compare, (problem) => {
      compared.replaceChildren();
      const wrong = (problem.errors || []).filter((error) => error.line);
      if (wrong.length) showBadLines(wrong, draft().lines);
      const isEmail = (problem.errors || []).some((error) => error.field === "email");
      if (isEmail) wrongField(find("as"), "This must be an e-mail address.");
      return wrong.length > 0 || isEmail;
    });
  });

  find("remove-all").addEventListener("click", () => {
    state.cleared = !state.cleared;
    state.removed.clear();
    showEntries();
    warnIfEmpty();
    touch();
  });
  find("download").addEventListener("click", (event) => run(event.currentTarget, () => download(path(), `visibility-${state.scope}.csv`)));

  const start = async () => {
    const wanted = new URLSearchParams(location.search).get("scope") || "global";
    const known = await loadRetailers().catch((problem) => {
      if (problem.code !== "shop_not_configured") showProblem(problem, "Your retailers could not be loaded");
      return [];
    });
    known.forEach(({ id, name }) => names.set(id, name));
    if (wanted !== "global" && !names.has(wanted)) names.set(wanted, wanted);
    scope.append(...[...names].map(([id, name]) => el("s-option", { value: id, selected: id === wanted }, name)));
    // The element takes notice of its options a moment later.
    setTimeout(() => { scope.value = wanted; });
    state.scope = wanted;
    await open().catch(failed);
  };
  start();
  startSettings(find("settings"));
});
