// The bar over the top of the admin while there are unsaved changes, and the questions it asks.

const by = (id) => document.getElementById(id);

// Asks in a dialog; true for yes.
function ask(title, text, yes, no) {
  const dialog = by("question");
  by("question-title").textContent = title;
  by("question-text").textContent = text;
  by("question-yes").textContent = yes;
  by("question-no").textContent = no;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

export function setUpSaveBar(tell) {
  const bar = by("save-bar");
  const [discard, save] = ["discard", "save"].map((name) => bar.querySelector(`[data-bar=${name}]`));
  let asks = false;

  function look(button, looks, text) {
    button.textContent = looks?.text || text;
    button.disabled = Boolean(looks?.disabled || looks?.loading);
    button.setAttribute("aria-busy", String(Boolean(looks?.loading)));
  }

  function hide() {
    bar.hidden = true;
    document.body.classList.remove("unsaved");
  }

  save.addEventListener("click", () => tell("save"));
  discard.addEventListener("click", async () => {
    const sure = !asks || await ask("Discard all unsaved changes?", "What you changed on this page goes back to what is saved.", "Discard changes", "Continue editing");
    if (sure) tell("discard");
  });
  window.addEventListener("beforeunload", (event) => { if (!bar.hidden) event.preventDefault(); });

  return {
    hide,
    show(message) {
      asks = Boolean(message.asks);
      look(save, message.saving, "Save");
      look(discard, message.discarding, "Discard");
      bar.hidden = false;
      document.body.classList.add("unsaved");
    },
    // Whether the page may be left: nothing is unsaved, or it may be lost.
    async mayLeave() {
      if (bar.hidden) return true;
      if (!(await ask("Leave page with unsaved changes?", "What you changed on this page will not be saved.", "Leave page", "Stay"))) return false;
      hide();
      return true;
    },
  };
}
