
/* Retailers */

onPage("retailers", async (root) => {
  const list = root.querySelector("[data-list]");
  try {
    const retailers = await loadRetailers();
    if (retailers.length) fill(list, ...retailers.map(retailerCard));
    else fill(list, el("s-section", { heading: "No retailers yet" }, paragraph("Your Subtotal project has no retailers. Add some in your Subtotal dashboard; they appear here within a minute.")));
  } catch (problem) {
    if (problem.code === "shop_not_configured") {
      fill(list, el("s-section", { heading: "No API key yet" }, paragraph("Once your Subtotal API key is stored, your retailers appear here. ", link("/admin/subtotal", "Connect to Subtotal"))));
      return;
    }
    showProblem(problem, "Your retailers could not be loaded");
    fill(list, el("s-section", {}, el("s-button", { type: "button", click: () => location.reload() }, "Try again")));
  }
});

function retailerCard({ id, name, images, linkUrl, linkId, snippets, rule }) {
  const state = rule.on
    ? badge(`Only ${count(rule.total, "entry", "entries")}`, rule.total ? "info" : "warning")
    : badge("Everyone", "success");
  return el("s-section", { heading: name },
    el("div", { class: "logos" }, logo(images.logo?.light, name, "light"), logo(images.logo?.dark, name, "dark")),
    el("dl", { class: "facts" },
      ...fact("Who can see it", state, " ", link(`/admin/visibility?scope=${encodeURIComponent(id)}`, `Change for ${name}`)),
      ...fact("Link ID", linkId ? el("code", {}, linkId) : "Subtotal's link has none", linkId && copyButton(linkId, `Copy the link ID of ${name}`)),
      ...fact("Link", el("code", {}, linkUrl), copyButton(linkUrl, `Copy the link of ${name}`))),
    el("div", {},
      snippets.link && snippet("As a link in your theme", snippets.link, `Copy the link snippet of ${name}`),
      snippet("From a script", snippets.fetch, `Copy the script of ${name}`)));
}

function logo(url, name, shade) {
  const isSafe = /^(https?:\/\/|data:image\/)/.test(url || "");
  const picture = isSafe
    ? el("img", { src: url, alt: `${name} on ${shade}`, loading: "lazy", width: 120, height: 48 })
    : el("span", { class: "quiet" }, `No logo for ${shade} pages`);
  return el("div", { class: `logo ${shade}` }, picture);
}

function fact(term, ...values) {
  return [el("dt", {}, term), el("dd", {}, ...values)];
}

function snippet(summary, code, label) {
  return el("details", {}, el("summary", {}, summary), el("pre", { tabindex: "0", "aria-label": summary }, el("code", {}, code)), copyButton(code, label));
}
