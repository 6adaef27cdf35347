
/* Connection to Subtotal */

onPage("subtotal-key", (root) => {
  const find = (name) => root.querySelector(`[data-${name}]`);
  const form = find("key-form");
  const field = form.querySelector("s-password-field");
  const [test, save, cancel, result] = [find("test"), find("save"), find("cancel"), find("result")];
  let testedKey = null;

  const typed = () => (field.value || "").trim();
  const forgetTest = () => {
    testedKey = null;
    setDisabled(save, true);
    result.replaceChildren();
  };
  const showStored = (stored, hint) => {
    find("key-stored").hidden = !stored;
    find("key-missing").hidden = stored;
    form.hidden = stored;
    cancel.hidden = !stored;
    find("hint").textContent = hint || "";
    find("hint-line").hidden = !hint;
    field.value = "";
    forgetTest();
  };

  form.addEventListener("input", () => typed() !== testedKey && forgetTest());
  find("replace").addEventListener("click", () => {
    form.hidden = false;
    cancel.hidden = false;
    field.focus();
  });
  cancel.addEventListener("click", () => {
    field.value = "";
    forgetTest();
    form.hidden = true;
    find("replace").focus();
  });

  test.addEventListener("click", () => run(test, async () => {
    clearBanner();
    const apiKey = typed();
    if (!apiKey) {
      fill(result, el("s-banner", { tone: "warning", heading: "Enter a key first" }));
      field.focus();
      return;
    }
    fill(result, paragraph("Asking Subtotal…"));
    const tested = await sendJson("POST", "/admin/api/subtotal-key/test", { apiKey });
    if (typed() !== apiKey) return;
    testedKey = tested.ok ? apiKey : null;
    setDisabled(save, !tested.ok);
    fill(result, tested.ok
      ? el("s-banner", { tone: "success", heading: "The key works" }, paragraph(
        `Subtotal answered in ${tested.latencyMs} ms and lists ${count(tested.retailers, "retailer", "retailers")}. You can save the key now.`))
      : el("s-banner", { tone: "critical", heading: "The key can not be used" }, paragraph(
        wordsFor(tested.problem, "Subtotal did not answer as it should."))));
  }, (problem) => {
    result.replaceChildren();
    const wrong = problem.errors?.find((error) => error.field === "apiKey");
    if (wrong) fill(result, el("s-banner", { tone: "critical", heading: `The key ${wrong.message}` }));
    return Boolean(wrong);
  }));

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (typed() !== testedKey || !testedKey) return void test.click();
    run(save, async () => {
      const { apiKeyHint } = await sendJson("PUT", "/admin/api/subtotal-key", { apiKey: testedKey });
      clearBanner();
      showStored(true, apiKeyHint);
      toast("Key saved");
    }).then(() => setDisabled(save, testedKey === null));
  });

  find("remove-confirmed").addEventListener("click", (event) => run(event.currentTarget, async () => {
    try {
      await call("DELETE", "/admin/api/subtotal-key");
      showStored(false);
      toast("Key removed");
    } finally {
      document.getElementById("remove-key").hideOverlay?.();
    }
  }));

  const webhook = (name) => find(`webhook-${name}`);
  const secret = webhook("form").querySelector("s-password-field");
  const showSecret = (hint) => {
    webhook("stored").hidden = hint == null;
    webhook("remove").hidden = hint == null;
    webhook("hint").textContent = hint || "";
    webhook("hint-line").hidden = !hint;
    secret.value = "";
    markField(secret, "");
  };
  webhook("url").after(copyButton(webhook("url").textContent, "Copy the address"));
  webhook("form").addEventListener("submit", (event) => {
    event.preventDefault();
    run(webhook("save"), async () => {
      const entered = (secret.value || "").trim();
      if (!entered) return void wrongField(secret, "Enter the signing secret first");
      const { hint } = await sendJson("PUT", "/admin/api/subtotal-webhook-secret", { secret: entered });
      clearBanner();
      showSecret(hint);
      toast("Secret saved");
    }, (problem) => {
      const wrong = problem.errors?.find((error) => error.field === "secret");
      if (wrong) wrongField(secret, `The secret ${wrong.message}`);
      return Boolean(wrong);
    });
  });
  webhook("remove").addEventListener("click", (event) => run(event.currentTarget, async () => {
    await call("DELETE", "/admin/api/subtotal-webhook-secret");
    showSecret(null);
    toast("Secret removed");
  }));
});
