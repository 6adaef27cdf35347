
/* Visibility: reading entries, and how strictly the lists are applied */

/** The entries of typed text or a file, with the numbers of their lines; empty lines and a heading are left out. */
function entriesOf(text) {
  const read = [];
  text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/).forEach((raw, index) => {
    const entry = raw.trim().replace(/[,;\s]+$/, "").replace(/^"(.*)"$/, "$1").replaceAll('""', '"').trim();
    if (entry && !(read.length === 0 && entry.toLowerCase() === "entry")) read.push({ entry, line: index + 1 });
  });
  return read;
}

/** What happens when every entry of a list is removed. */
function clearedBanner(total, isOn, isTyped) {
  const then = isTyped ? "Only what you add above will be on the list."
    : isOn ? "The list is on, so nobody will see it until you add somebody or turn the list off."
      : "The list is off, so everyone goes on seeing it.";
  return el("s-banner", { tone: "warning", heading: `${total === 1 ? "The entry" : `All ${count(total, "entry", "entries")}`} will be removed when you save` }, paragraph(then));
}

/** How strictly the lists are applied; settings that are not sent stay as they are. */
async function startSettings(form) {
  const [enforce, noEmail] = [form.querySelector("[data-enforce]"), form.querySelector("[data-no-email]")];
  let settings;
  const show = async () => {
    settings = await getJson("/admin/api/settings");
    enforce.checked = settings.enforceVisibility;
    choose(noEmail, settings.noEmail);
    form.hidden = false;
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { version } = settings;
    const changed = { enforceVisibility: Boolean(enforce.checked), noEmail: chosen(noEmail), version };
    run(form.querySelector("s-button"), async () => {
      await sendJson("PUT", "/admin/api/settings", changed);
      clearBanner();
      toast("Settings saved");
      await show();
    }, (problem) => {
      if (problem.code !== "version_conflict") return false;
      show().catch(() => {});
      banner("warning", "Somebody else changed the settings", paragraph("They are shown as they are now. Make your change again and save."));
      return true;
    });
  });
  await show().catch((problem) => problem.status !== 404 && showProblem(problem, "The settings could not be loaded"));
}
