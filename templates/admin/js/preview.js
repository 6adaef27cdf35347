
/* See as shopper */

onPage("preview", (root) => {
  const form = root.querySelector("[data-shopper-form]");
  const [email, customer] = [form.querySelector("[data-email]"), form.querySelector("[data-customer]")];
  const seen = root.querySelector("[data-seen]");
  const names = loadRetailers().catch(() => []).then((retailers) => new Map(retailers.map(({ id, name }) => [id, name])));

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearBanner();
    const fields = [email, customer];
    fields.forEach((field) => markField(field, ""));
    const [address, id] = fields.map((field) => (field.value || "").trim());
    if (!address && !id) return void wrongField(email, "Enter an e-mail address, or the number of a customer below.");
    if (address && id) return void wrongField(customer, "Clear one of the two fields.");
    const body = address ? { email: address } : { customerId: id.replace(/^.*\/(\d+)$/, "$1") };
    run(form.querySelector("s-button"), async () => {
      const answer = await sendJson("POST", "/admin/api/preview", body);
      const { verdict, why } = shopperView(answer, await names, Boolean(id));
      fill(seen, verdict, el("s-section", { heading: "Why" }, why));
    }, (problem) => {
      const wrong = problem.errors?.find((error) => error.field === "email" || error.field === "customerId");
      if (wrong) wrongField(wrong.field === "email" ? email : customer, `This ${wrong.message}.`);
      return Boolean(wrong);
    });
  });
});
