// Pulls levers without leaving the page, and keeps what it shows fresh. Without script the forms work by themselves.
"use strict";

const kept = ["now", "links", "played", "connections", "events", "calls"];

function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  const focused = document.activeElement?.id;
  for (const id of kept) {
    const here = document.getElementById(id);
    const next = fresh.getElementById(id);
    if (here.outerHTML !== next.outerHTML) here.replaceWith(document.adoptNode(next));
  }
  if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus();
  const notice = fresh.getElementById("notice").textContent;
  if (notice) document.getElementById("notice").textContent = notice;
  return fresh;
}

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = new URLSearchParams(new FormData(event.target, event.submitter));
  try {
    const answer = await fetch("/levers/api", { method: "POST", body: fields });
    const fresh = show(await answer.text());
    // The button may be far below what it set going.
    if (fields.get("action") === "scenario") document.getElementById("played").scrollIntoView({ block: "nearest" });
    if (fields.get("action") === "reset") {
      for (const id of ["mode", "endpoint", "milliseconds", "retry_base_ms"]) {
        document.getElementById(id).value = fresh.getElementById(id).value;
      }
    }
  } catch {
    document.getElementById("notice").textContent = "The sandbox does not answer.";
  }
});

setInterval(async () => {
  if (document.hidden || document.activeElement?.closest("#calls")) return;
  try {
    show(await (await fetch("/levers")).text());
  } catch {
    document.getElementById("now").textContent = "The sandbox does not answer.";
  }
}, 2000);
