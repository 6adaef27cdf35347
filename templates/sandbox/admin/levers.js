// Pulls levers without leaving the page, and keeps what it shows fresh. Without script the forms work by themselves.
"use strict";

const kept = ["now", "installation", "tokens", "log"];
const notice = document.getElementById("notice");
const topic = document.getElementById("topic");

async function refresh() {
  const fresh = new DOMParser().parseFromString(await (await fetch("/levers")).text(), "text/html");
  const focused = document.activeElement?.id;
  for (const id of kept) {
    const here = document.getElementById(id);
    const next = fresh.getElementById(id);
    if (here.outerHTML !== next.outerHTML) here.replaceWith(document.adoptNode(next));
  }
  if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus();
}

function about() {
  document.getElementById("customer-choice").hidden = !topic.value.startsWith("customers/");
}

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = new URLSearchParams(new FormData(event.target, event.submitter));
  try {
    const answer = await fetch("/levers/api", { method: "POST", body: fields, headers: { Accept: "application/json" } });
    const { notice: done, detail } = await answer.json();
    notice.textContent = done ?? `Nothing changed: ${detail}.`;
    await refresh();
    setTimeout(refresh, 400);
  } catch {
    notice.textContent = "The sandbox does not answer.";
  }
});
topic.addEventListener("change", about);
about();

setInterval(() => {
  if (!document.hidden) refresh().catch(() => { document.getElementById("now").textContent = "The sandbox does not answer."; });
}, 2000);
