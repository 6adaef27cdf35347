
/* Pausing a tool, and how long events are kept */

onPage("pause", (place) => {
  const NAMES = { klaviyo: "Klaviyo", flow: "Shopify Flow" };
  const controls = document.querySelector("[data-pause-controls]");
  const set = (button, tool, paused) => run(button, async () => {
    const stored = await sendJson("PUT", `/admin/api/integrations/${tool}`, { paused });
    place.dataset[tool] = stored.enabled ? (stored.paused ? "paused" : "on") : "off";
    toast(paused ? `${NAMES[tool]} is paused` : `${NAMES[tool]} goes on`);
    show();
  });
  const show = () => {
    const tools = Object.keys(NAMES);
    const paused = tools.filter((tool) => place.dataset[tool] === "paused");
    const going = tools.filter((tool) => place.dataset[tool] === "on");
    fill(place, ...paused.map((tool) => el("s-banner", { tone: "warning", heading: `${NAMES[tool]} is paused` },
      paragraph("Nothing is sent to it. What happens meanwhile waits here, and is sent in order when you resume."),
      el("s-button", { type: "button", slot: "secondary-actions", click: (event) => set(event.currentTarget, tool, false) }, `Resume ${NAMES[tool]}`))));
    place.hidden = paused.length === 0;
    fill(controls, ...going.map((tool) => el("s-button", {
      type: "button", click: (event) => set(event.currentTarget, tool, true),
    }, `Pause ${NAMES[tool]}`)));
    controls.hidden = going.length === 0;
  };
  show();
});

onPage("retention", (place) => {
  const [days, save] = ["days", "save"].map((name) => place.querySelector(`[data-retention-${name}]`));
  save.addEventListener("click", () => run(save, async () => {
    markField(days, "");
    const typed = String(days.value ?? "").trim();
    const number = /^\d{1,4}$/.test(typed) ? Number(typed) : NaN;
    if (!(number >= 1 && number <= 365)) {
      wrongField(days, "Enter a whole number from 1 to 365");
      return;
    }
    const stored = await sendJson("PUT", "/admin/api/events/retention", { days: number });
    document.querySelector("[data-kept-days]").textContent = count(stored.days, "day", "days");
    toast("Saved");
  }));
});
