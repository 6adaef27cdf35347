
/* Klaviyo and Flow */

onPage("integrations", (form) => {
  const find = (name) => form.querySelector(`[data-${name}]`);
  const boxes = ["klaviyo-enabled", "klaviyo-simulated", "flow-enabled", "flow-simulated"].map(find);
  const [key, identifier, result] = ["key", "identifier", "result"].map(find);
  const isChecked = (box) => Boolean(box.checked ?? box.hasAttribute("checked"));
  const selected = () => identifier.value || identifier.querySelector("s-option[selected]")?.getAttribute("value") || "email";
  const typed = () => (key.value || "").trim();
  const values = () => ({ boxes: boxes.map(isChecked), identifier: selected() });
  let saved = values();

  const show = ({ boxes: checked, identifier: chosen }) => {
    boxes.forEach((box, index) => {
      box.checked = checked[index];
      box.toggleAttribute("checked", checked[index]);
    });
    identifier.value = chosen;
    key.value = "";
    markField(key, "");
    result.replaceChildren();
  };
  const showKey = (hint) => {
    find("key-line").hidden = hint == null;
    find("remove").hidden = hint == null;
    find("hint").textContent = hint || "";
    find("hint-line").hidden = !hint;
  };
  const failed = (problem) => {
    const wrong = problem.errors?.find((error) => error.field === "privateKey");
    if (wrong) wrongField(key, `The key ${wrong.message}`);
    else if (problem.code === "klaviyo_key_rejected") wrongField(key, problem.message);
    else return false;
    return true;
  };

  find("test").addEventListener("click", (event) => run(event.currentTarget, async () => {
    markField(key, "");
    fill(result, paragraph("Asking Klaviyo…"));
    const tried = await sendJson("POST", "/admin/api/integrations/klaviyo/test", typed() ? { privateKey: typed() } : {});
    fill(result, tried.ok
      ? el("s-banner", { tone: "success", heading: "Klaviyo knows the key" }, paragraph("Whether it may write events shows with the first event."))
      : el("s-banner", { tone: "critical", heading: "The key can not be used" }, paragraph(wordsFor(tried.problem, "Klaviyo did not answer as it should."))));
  }, (problem) => {
    result.replaceChildren();
    return failed(problem);
  }));

  find("remove").addEventListener("click", (event) => run(event.currentTarget, async () => {
    await call("DELETE", "/admin/api/integrations/klaviyo");
    saved.boxes[0] = false;
    show(saved);
    showKey(null);
    toast("Klaviyo is off, and the key is removed");
  }));

  const save = async () => {
    clearBanner();
    markField(key, "");
    const now = values();
    try {
      const klaviyo = await sendJson("PUT", "/admin/api/integrations/klaviyo", {
        enabled: now.boxes[0], allowSimulated: now.boxes[1], identifier: now.identifier, ...(typed() && { privateKey: typed() }),
      });
      const flow = await sendJson("PUT", "/admin/api/integrations/flow", { enabled: now.boxes[2], allowSimulated: now.boxes[3] });
      saved = { boxes: [klaviyo.enabled, klaviyo.allowSimulated, flow.enabled, flow.allowSimulated], identifier: klaviyo.identifier };
      show(saved);
      showKey(klaviyo.keyHint);
      document.dispatchEvent(new CustomEvent("integrations-saved", { detail: klaviyo }));
      toast("Saved");
    } catch (problem) {
      if (!failed(problem)) showProblem(problem, "Not everything was saved");
      for (const kind of ["input", "change"]) key.dispatchEvent(new Event(kind, { bubbles: true }));
    }
  };

  form.addEventListener("reset", () => setTimeout(() => {
    clearBanner();
    show(saved);
  }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
});
