// What the pages do beyond links and forms. Nothing here is inline; nothing needs eval.
(() => {
  "use strict";

  const byId = (id) => document.getElementById(id);

  // Every htmx request that may change something proves that it comes from this page.
  document.addEventListener("htmx:configRequest", (event) => {
    const token = document.querySelector('meta[name="csrf-token"]');
    if (token) event.detail.headers["X-CSRFToken"] = token.content;
  });

  // What refreshes itself waits while a dialog asks something, and keeps off a field being typed in.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const refreshes = event.detail.elt.matches('[hx-trigger^="every"]');
    if (refreshes && document.querySelector("dialog[open]")) event.detail.shouldSwap = false;
  });
  // What only tells of changes ([data-quiet]) sends nobody away to sign in: what is half typed stays.
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const quiet = event.detail.elt.matches("[data-quiet]");
    if (quiet && event.detail.xhr.getResponseHeader("HX-Redirect")) event.preventDefault();
  });
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const field = document.activeElement;
    const typing = field && field.matches("input, textarea, select");
    if (typing && event.detail.target.contains(field)) event.detail.shouldSwap = false;
  });

  // The search box: "/" focuses it, arrows walk through the results, Enter opens, Escape closes.
  const input = document.querySelector("[data-search-input]");
  const results = byId("search-results");

  const options = () => Array.from(results.querySelectorAll('[role="option"]'));

  function show(open) {
    const filled = open && results.childElementCount > 0 && input.value.trim().length > 1;
    results.hidden = !filled;
    input.setAttribute("aria-expanded", String(filled));
    if (!filled) choose(-1);
  }

  function choose(index) {
    const all = options();
    all.forEach((option, i) => option.setAttribute("aria-selected", String(i === index)));
    const chosen = all[index];
    if (!chosen) {
      input.removeAttribute("aria-activedescendant");
      return;
    }
    chosen.id = chosen.id || `search-option-${index}`;
    input.setAttribute("aria-activedescendant", chosen.id);
    chosen.scrollIntoView({ block: "nearest" });
  }

  function chosenIndex() {
    return options().findIndex((option) => option.getAttribute("aria-selected") === "true");
  }

  function walk(event) {
    const count = options().length;
    if (event.key === "Escape") {
      if (results.hidden) input.blur();
      show(false);
    } else if (event.key === "ArrowDown" && count) {
      show(true);
      choose((chosenIndex() + 1) % count);
    } else if (event.key === "ArrowUp" && count) {
      choose((chosenIndex() - 1 + count) % count);
    } else if (event.key === "Enter" && !results.hidden && chosenIndex() >= 0) {
      options()[chosenIndex()].click();
    } else {
      return;
    }
    event.preventDefault();
  }

  if (input && results) {
    input.addEventListener("keydown", walk);
    input.addEventListener("focus", () => show(true));
    input.addEventListener("input", () => { if (input.value.trim().length < 2) show(false); });
    results.addEventListener("htmx:afterSwap", () => show(document.activeElement === input));
    document.addEventListener("click", (event) => {
      if (!event.target.closest("[data-search]")) show(false);
    });
  }

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable], dialog");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey || !input) return;
    event.preventDefault();
    input.focus();
    input.select();
  });

  // Copy buttons: <button data-copy="id of the element">.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button || !navigator.clipboard) return;
    await navigator.clipboard.writeText(byId(button.dataset.copy).textContent.trim());
    button.classList.add("stb-copied");
    setTimeout(() => button.classList.remove("stb-copied"), 1500);
  });

  // A form is sent once, however often its button is pressed.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "true";
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
  });

  // Scanning: a barcode reader types and presses Enter; in a <form data-scan> that goes on to the
  // next field that is still to be filled, and sends the form from the last one.
  document.addEventListener("keydown", (event) => {
    const form = event.target.closest("form[data-scan]");
    if (!form || event.key !== "Enter" || !event.target.matches("input, select")) return;
    const open = Array.from(form.elements).filter((field) => field.matches("[data-step]"));
    const next = open.slice(open.indexOf(event.target) + 1).find((field) => !field.value);
    if (!next) return;
    event.preventDefault();
    next.focus();
  });

  // What is chosen from a list, and not with its keys, leads on: <select data-then="id of a field">.
  let keyed = -Infinity;
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("[data-then]")) keyed = event.timeStamp;
  });
  document.addEventListener("change", (event) => {
    const then = event.target.dataset.then;
    if (then && event.timeStamp - keyed > 200) byId(then).focus();
  });

  // What could not be sent stays where it was typed: [data-unsent] says so, and what was chosen to be
  // uploaded can be sent again: <input type="file" data-photo> … <button data-resend>.
  function unsent(event) {
    document.querySelectorAll("[data-unsent]").forEach((part) => { part.hidden = false; });
    const field = event.detail.elt;
    const again = field.matches("[data-photo]") && field.closest(".stb-taken").querySelector("[data-resend]");
    if (again) again.hidden = false;
  }
  document.addEventListener("htmx:sendError", unsent);
  document.addEventListener("htmx:responseError", unsent);
  document.addEventListener("htmx:afterSwap", (event) => {
    document.querySelectorAll("[data-unsent]").forEach((part) => { part.hidden = true; });
    const focus = event.detail.elt.querySelector("[data-focus]");
    if (focus) focus.focus();
  });
  document.addEventListener("click", (event) => {
    const again = event.target.closest("[data-resend]");
    if (!again) return;
    const field = again.closest(".stb-taken").querySelector("[data-photo]");
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });

  // Filters are folded away where they would fill the screen: <details data-fold open>.
  const narrow = window.matchMedia("(max-width: 575.98px)");
  function fold() {
    document.querySelectorAll("details[data-fold]").forEach((part) => { part.open = !narrow.matches; });
  }
  narrow.addEventListener("change", fold);
  fold();

  // Filters apply when they change: <form data-auto-submit>.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-auto-submit]");
    if (form) form.requestSubmit();
  });

  // "Select all" of a list: <input type="checkbox" data-check-all="name of the boxes">.
  document.addEventListener("change", (event) => {
    const name = event.target.dataset ? event.target.dataset.checkAll : null;
    if (!name) return;
    document.querySelectorAll(`input[type="checkbox"][name="${CSS.escape(name)}"]`).forEach((box) => {
      box.checked = event.target.checked;
    });
  });

  // The list of what needs another look names each field by its label.
  document.querySelectorAll('[data-focus] a[href^="#field-"]').forEach((link) => {
    const field = byId(link.hash.slice(1));
    const label = field && ((field.labels && field.labels[0]) || field.closest("fieldset"));
    const words = label && (label.querySelector("legend") || label).textContent.trim();
    if (words) link.prepend(`${words}: `);
  });

  // After a refusal the reader starts at the list of what needs another look.
  const focus = document.querySelector("[data-focus]");
  if (focus) focus.focus();
})();
