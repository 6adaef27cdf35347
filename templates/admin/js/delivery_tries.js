
/* The tries of a delivery: what was asked and answered, as it was written down, masked */

const TRY_WORDS = {
  delivered: ["Delivered", "success"], failed: ["Failed", "warning"], held: ["Held back", "info"],
  dead: ["Given up", "critical"], skipped: ["Skipped", "neutral"],
};

const asJson = (value) => (value === undefined ? [] : ["", JSON.stringify(value, null, 2)]);

/** A request as it went over the wire, as far as it was written down. */
function requestText({ method, path, revision, body, trigger, payload }) {
  if (trigger) return [`Trigger ${trigger}`, ...asJson(payload)].join("\n");
  return [`${method} ${path}`, `revision: ${revision}`, ...asJson(body)].join("\n");
}

function oneTry({ at, durationMs, outcome, problem, request, response }, number) {
  const [word, tone] = TRY_WORDS[outcome] || [outcome, "neutral"];
  const text = (heading, value) => value && el("div", { class: "exchange" }, el("h4", {}, heading),
    el("pre", { tabindex: "0", role: "region", "aria-label": `${heading} of try ${number}` }, value));
  return el("li", {},
    el("p", {}, badge(word, tone), " ", when(at), ` · took ${durationMs < 1000 ? `${durationMs} ms` : `${(durationMs / 1000).toFixed(1)} s`}`),
    problem && el("p", { class: "quiet" }, problem),
    el("div", { class: "exchanges" }, text("Request", request && requestText(request)),
      text("Answer", response && [`Status ${response.status}`, ...asJson(response.body)].join("\n"))));
}

/** A list of tries, the newest first. */
function tryList(attempts) {
  if (attempts.length === 0) return el("p", { class: "quiet" }, "It was not tried yet.");
  const items = attempts.map((attempt, index) => oneTry(attempt, index + 1)).reverse();
  return el("div", {},
    el("p", { class: "quiet" }, "Newest first. ••• stands where something about the customer, the purchase or a secret was; it is not kept."),
    el("ol", { class: "tries" }, ...items));
}

/** A button that opens the tries of a delivery in a row below its own, and closes them again. */
function triesButton(delivery, name) {
  const label = (open) => `${open ? "Hide tries" : "Tries"}: ${name}, ${new Date(delivery.happenedAt).toLocaleString("en")}`;
  const button = el("s-button", { type: "button", variant: "tertiary", accessibilityLabel: label(false) }, "Tries");
  let below;
  const turn = (open) => {
    button.textContent = open ? "Hide tries" : "Tries";
    button.accessibilityLabel = label(open);
    button.setAttribute("accessibilityLabel", label(open));
  };
  button.addEventListener("click", () => {
    if (below?.isConnected) {
      below.remove();
      turn(false);
      return;
    }
    run(button, async () => {
      const { attempts } = await getJson(`/admin/api/deliveries/${encodeURIComponent(delivery.id)}`);
      below = el("tr", { class: "below", "data-tries": delivery.id }, el("td", { colspan: "6", "aria-live": "polite" }, tryList(attempts)));
      button.closest("tr").after(below);
      turn(true);
    });
  });
  return button;
}
