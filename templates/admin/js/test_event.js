
/* A test event, and how it went */

onPage("test-event", (place) => {
  const [tool, kind, whom, send, result] = ["tool", "kind", "whom", "send", "result"].map((name) => place.querySelector(`[data-test-${name}]`));
  const WHOM = {
    email: ["email", "E-mail address", "Of a Klaviyo profile, such as your own. One that is not there is made."],
    customer_id: ["customerId", "Shopify customer id", "The number at the end of the customer's address in the Shopify admin."],
    mobile: ["phone", "Phone number", "Of a Klaviyo profile, with the country code, such as +15551234567."],
  };
  const LATEST = { delivered: "success", failed: "warning", dead: "critical", skipped: "warning" };
  /** How long the end of a test is waited for, and how often it is looked at, in milliseconds. */
  const [PATIENCE, PAUSE] = [30_000, 1000];
  let identifier = place.dataset.identifierStored;
  let shown;
  const picked = (select) => select.value || select.querySelector("s-option[selected]")?.getAttribute("value");
  const asked = () => WHOM[picked(tool) === "flow" ? "customer_id" : identifier];

  const label = () => {
    const [name, text, details] = asked();
    if (name === shown) return;
    shown = name;
    whom.label = text;
    whom.setAttribute("label", text);
    whom.details = details;
    whom.setAttribute("details", details);
    whom.value = "";
    markField(whom, "");
  };
  const end = (delivery) => {
    const events = link("/admin/events", "Events");
    const [heading, text] = {
      delivered: ["It was delivered", "Look for it at the person you named. It stands on "],
      failed: ["It failed, and is tried again", "The next tries stand on "],
      dead: ["It was refused", "It stands on "],
      skipped: ["It was not sent", "It stands on "],
    }[delivery.state] || ["It is still on its way", "How it goes on stands on "];
    const banner = el("s-banner", { tone: LATEST[delivery.state] || "info", heading },
      delivery.lastProblem && paragraph(`${delivery.lastProblem}.`), paragraph(text, events, "."));
    fill(result, banner, delivery.attempts.length > 0 && tryList(delivery.attempts));
  };
  const follow = async (id) => {
    const until = Date.now() + PATIENCE;
    for (;;) {
      const delivery = await getJson(`/admin/api/deliveries/${encodeURIComponent(id)}`);
      if (Object.hasOwn(LATEST, delivery.state) || Date.now() >= until) return end(delivery);
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  };

  send.addEventListener("click", () => run(send, async () => {
    clearBanner();
    markField(whom, "");
    markField(kind, "");
    const [name] = asked();
    const event = { [picked(tool) === "flow" ? "trigger" : "event"]: picked(kind) };
    fill(result, paragraph("Sending…"));
    const { deliveryId } = await sendJson("POST", `/admin/api/integrations/${picked(tool)}/test-event`, { ...event, [name]: (whom.value || "").trim() });
    await follow(deliveryId);
  }, (problem) => {
    result.replaceChildren();
    const wrong = (field) => problem.errors?.find((error) => error.field === field);
    const [name, text] = asked();
    if (wrong(name)) wrongField(whom, `${text} ${wrong(name).message}`);
    else if (wrong("event") || wrong("trigger")) wrongField(kind, "Klaviyo has no such event. Choose another one.");
    else return false;
    return true;
  }));
  tool.addEventListener("change", label);
  document.addEventListener("integrations-saved", (event) => {
    identifier = event.detail.identifier;
    label();
  });
  label();
});
