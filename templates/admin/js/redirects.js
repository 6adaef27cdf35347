
/* Redirects */

/** The list of hosts: a form of hidden fields holds it, so that the save bar sees every change and nothing else. */
onPage("redirects", (form) => {
  const find = (name) => document.querySelector(`[data-redirects-${name}]`);
  const [field, touched] = ["redirectHosts", "touched"].map((name) => form.elements.namedItem(name));
  const hosts = () => field.value.split(" ").filter(Boolean);
  let saved = hosts();
  let touches = 0;

  const show = () => {
    find("empty").hidden = hosts().length > 0;
    fill(find("list"), ...hosts().map((host) => {
      const remove = () => {
        change(hosts().filter((other) => other !== host), `${host} is removed once you save.`);
        find("new").focus();
      };
      return el("li", {}, el("span", { class: "entry" }, host),
        el("s-button", { type: "button", variant: "tertiary", accessibilityLabel: `Remove ${host}`, click: remove }, "Remove"));
    }));
  };
  const change = (changed, said) => {
    field.value = changed.join(" ");
    // What could not be saved is a change still, though the save bar takes what was submitted for saved.
    touched.value = field.value === saved.join(" ") ? "" : String(++touches);
    markField(find("new"), "");
    fill(find("status"), said);
    show();
    for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, { bubbles: true }));
  };
  const add = () => {
    const host = (find("new").value || "").trim().toLowerCase();
    if (!host) return;
    if (/[\s/]/.test(host)) return void wrongField(find("new"), "Enter only the host name, such as shop.example.com.");
    find("new").value = "";
    change([...new Set([...hosts(), host])], `${host} is added once you save.`);
  };
  const save = async () => {
    try {
      const version = Number(form.dataset.version);
      const settings = await sendJson("PUT", "/admin/api/settings", { redirectHosts: hosts(), version });
      saved = settings.redirectHosts;
      form.dataset.version = settings.version;
      field.value = saved.join(" ");
      touched.value = "";
      clearBanner();
      show();
      toast("Saved");
    } catch (problem) {
      change(hosts(), "Nothing was saved.");
      const wrong = (problem.errors || []).filter((error) => error.field === "redirectHosts");
      if (wrong.length) return void wrongField(find("new"), `Nothing was saved. ${wrong.map(({ message }) => `${message}.`).join(" ")}`);
      if (problem.code !== "version_conflict") return void showProblem(problem, "The hosts were not saved");
      const reload = el("s-button", { type: "button", click: () => location.reload() }, "Show their changes");
      banner("warning", "Somebody else changed the settings", paragraph("Nothing was saved. Look at their changes, then make yours again."), reload);
    }
  };

  find("adding").addEventListener("submit", (event) => {
    event.preventDefault();
    add();
  });
  form.addEventListener("reset", () => setTimeout(() => {
    field.value = saved.join(" ");
    touched.value = "";
    find("new").value = "";
    markField(find("new"), "");
    clearBanner();
    show();
  }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
  show();
});
