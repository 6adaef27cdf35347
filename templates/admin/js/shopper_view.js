
/* What a shopper sees, and who gains and loses: for Visibility and See as shopper */

function scopeName(scope, names) {
  return scope === "global" ? "All of Subtotal Connect" : names.get(scope) || scope;
}

/** What one shopper sees, in a sentence, and why, list by list. */
function shopperView({ blockVisible, restrictedRetailerIds, emailKnown, reasons }, names, byNumber) {
  const hidden = restrictedRetailerIds.map((id) => scopeName(id, names));
  const heading = !blockVisible ? "They do not see Subtotal Connect"
    : hidden.length ? `They see Subtotal Connect without ${hidden.join(", ")}`
      : "They see Subtotal Connect with every retailer";
  const tone = blockVisible ? (hidden.length ? "info" : "success") : "warning";
  const unknown = byNumber && !emailKnown && paragraph(
    "Shopify gives no e-mail address for this customer: there is no such customer, they have none, or Shopify could not be asked. Your choice for shoppers without an address decides.");
  const rows = reasons.map((reason) => el("li", {},
    el("div", { class: "row" }, badge(reason.hides ? "Hidden" : "Shown", reason.hides ? "warning" : "success"), el("strong", {}, scopeName(reason.scope, names))),
    el("p", { class: "quiet" }, reasonWords(reason, emailKnown))));
  const why = rows.length ? el("ul", { class: "plain" }, ...rows) : paragraph("No list was ever set, so everyone sees everything.");
  return { verdict: el("s-banner", { heading, tone }, unknown), why };
}

function reasonWords({ on, matched, hides, entry }, emailKnown) {
  if (!on) return "This list is off: everyone sees it.";
  if (matched) return `The entry ${entry} is on the list.`;
  if (emailKnown) return "No entry of the list matches the address.";
  return hides ? "The list is on, and without an e-mail address nobody is on it." : "You show it to shoppers without an e-mail address.";
}

/** Who gains and who loses, of `changes` as the app answers them. */
function changesSection({ gain, gainTotal, lose, loseTotal, others }) {
  const everyone = others.map(({ change }) => paragraph(el("strong", {}, change === "gain"
    ? "Everyone else gains: the list is turned off."
    : "Everyone else loses: only shoppers on the list will see it.")));
  const side = (heading, entries, total, tone) => el("div", {},
    el("div", { class: "row" }, badge(heading, tone), el("span", {}, count(total, "entry", "entries"))),
    total > 0 && el("ul", { class: "entries short" }, ...entries.slice(0, 200).map(({ entry }) => el("li", {}, el("code", {}, entry)))),
    total > 200 && el("p", { class: "quiet" }, `and ${(total - 200).toLocaleString("en")} more`));
  if (!gainTotal && !loseTotal && !others.length) return [paragraph("Nobody gains or loses by these changes.")];
  return [...everyone, el("div", { class: "sides" }, side("Gain", gain, gainTotal, "success"), side("Lose", lose, loseTotal, "warning"))];
}
