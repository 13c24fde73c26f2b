// The table of waves: rows are added and taken away. Without this script it has the rows it came with.
(() => {
  "use strict";

  const table = document.querySelector("[data-waves]");
  if (!table) return;
  const body = table.tBodies[0];
  const most = Number(table.dataset.waves);

  function number() {
    Array.from(body.rows).forEach((row, index) => {
      row.querySelector("[data-number]").textContent = String(index + 1);
      row.querySelectorAll("[data-column]").forEach((input) => {
        input.id = `field-wave-${index + 1}-${input.dataset.column}`;
      });
      row.querySelector("[data-drop]").hidden = body.rows.length === 1;
    });
    document.querySelector("[data-add-wave]").disabled = body.rows.length >= most;
  }

  function changed() {
    table.dispatchEvent(new Event("change", { bubbles: true }));
  }

  document.querySelector("[data-add-wave]").addEventListener("click", () => {
    const last = body.rows[body.rows.length - 1];
    const row = last.cloneNode(true);
    row.querySelectorAll(".invalid-feedback").forEach((message) => message.remove());
    row.querySelectorAll(".is-invalid").forEach((input) => input.classList.remove("is-invalid"));
    body.insertBefore(row, last);
    const share = row.querySelector('[data-column="share"]');
    share.value = "";
    number();
    share.focus();
  });

  body.addEventListener("click", (event) => {
    const button = event.target.closest("[data-drop]");
    if (!button || body.rows.length === 1) return;
    button.closest("tr").remove();
    number();
    changed();
  });

  document.querySelectorAll("[data-wave-tools]").forEach((tool) => { tool.hidden = false; });
  number();
})();
