// Uploading an image: progress, cancelling, and messages at their fields with everything
// typed still there. Without this script the form is posted as it is.
(() => {
  "use strict";

  for (const set of document.querySelectorAll("[data-fits]")) {
    const button = set.querySelector("[data-add-fit]");
    button.hidden = false;
    button.addEventListener("click", () => {
      const rows = set.querySelectorAll("[data-fit]");
      const row = rows[rows.length - 1].cloneNode(true);
      row.querySelectorAll("input").forEach((input) => { input.value = ""; });
      rows[rows.length - 1].after(row);
      row.querySelector("input").focus();
    });
  }

  const form = document.querySelector("[data-upload]");
  if (!form) return;
  const part = (name) => form.querySelector(`[data-${name}]`);
  const summary = document.querySelector("[data-summary]");
  const submit = form.querySelector('[type="submit"]');
  const bar = form.querySelector("progress");
  const words = form.dataset;
  const language = document.documentElement.lang || "en";
  let request = null;

  const inUnit = (value, unit, digits) =>
    new Intl.NumberFormat(language, {
      style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits,
    }).format(value);

  function size(bytes) {
    if (bytes < 1e6) return inUnit(bytes / 1e3, "kilobyte", 0);
    if (bytes < 1e9) return inUnit(bytes / 1e6, "megabyte", 1);
    return inUnit(bytes / 1e9, "gigabyte", 2);
  }

  const span = (seconds) =>
    seconds < 90 ? inUnit(Math.ceil(seconds), "second", 0) : inUnit(Math.ceil(seconds / 60), "minute", 0);

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  function inputsOf(name) {
    return form.querySelectorAll(name === "fits" ? '[name="fit_model"]' : `[name="${CSS.escape(name)}"]`);
  }

  function placeFor(name) {
    const known = form.querySelector(`[data-messages="${CSS.escape(name)}"]`);
    if (known) return known;
    const input = document.getElementById(`field-${name}`);
    if (!input) return null;
    const place = document.createElement("div");
    place.className = "invalid-feedback";
    place.id = `field-${name}-error`;
    place.dataset.messages = name;
    input.closest(".stb-field").append(place);
    return place;
  }

  function clear() {
    summary.hidden = true;
    summary.replaceChildren();
    form.querySelectorAll(".is-invalid").forEach((input) => {
      input.classList.remove("is-invalid");
      input.removeAttribute("aria-invalid");
    });
    form.querySelectorAll("[data-messages]").forEach((place) => {
      place.classList.remove("d-block");
      place.replaceChildren();
    });
    form.querySelectorAll(".invalid-feedback:not([data-messages])").forEach((old) => old.remove());
    document.querySelectorAll(".alert[data-focus]").forEach((old) => old.remove());
  }

  const line = (text) => {
    const element = document.createElement("div");
    element.textContent = text;
    return element;
  };

  function tell(errors) {
    clear();
    const list = document.createElement("div");
    for (const [name, messages] of Object.entries(errors)) {
      const place = name ? placeFor(name) : null;
      messages.forEach((message) => {
        list.append(line(message));
        if (place) place.append(line(message));
      });
      if (!place) continue;
      place.classList.add("d-block");
      place.closest("details")?.setAttribute("open", "");
      inputsOf(name).forEach((input) => {
        input.classList.add("is-invalid");
        input.setAttribute("aria-invalid", "true");
        if (place.id) input.setAttribute("aria-describedby", place.id);
      });
    }
    summary.replaceChildren(list);
    summary.hidden = false;
    summary.focus();
  }

  function busy(on) {
    submit.disabled = on;
    part("progress").hidden = !on;
    part("cancel").hidden = !on;
    part("back").hidden = on;
  }

  // The rate of the last seconds, not of the whole upload: lines change their mind.
  function meter() {
    const seen = [[performance.now(), 0]];
    return (done) => {
      const at = performance.now();
      seen.push([at, done]);
      while (seen.length > 2 && at - seen[0][0] > 5000) seen.shift();
      const seconds = (at - seen[0][0]) / 1000;
      return seconds > 0 ? (done - seen[0][1]) / seconds : 0;
    };
  }

  function show(event, rateOf) {
    if (!event.lengthComputable) return;
    const rate = rateOf(event.loaded);
    bar.max = event.total;
    bar.value = event.loaded;
    part("percent").textContent = new Intl.NumberFormat(language, { style: "percent" })
      .format(event.loaded / event.total);
    part("words").textContent = event.loaded === event.total ? words.textChecking
      : fill(words.textProgress, {
          done: size(event.loaded), total: size(event.total), rate: size(rate),
          left: rate > 0 ? span((event.total - event.loaded) / rate) : "…",
        });
  }

  function answered() {
    busy(false);
    let answer = {};
    try { answer = JSON.parse(request.responseText); } catch { /* not ours: told by its status */ }
    if (request.status === 201 && answer.location) {
      window.location.assign(answer.location);
      return;
    }
    const told = answer.detail || fill(words.textRefused, { status: request.status });
    tell(answer.errors || { "": [told] });
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const file = form.elements.file.files[0];
    if (file && file.size > Number(words.limit)) {
      tell({ file: [words.textLarge] });
      return;
    }
    clear();
    request = new XMLHttpRequest();
    const rateOf = meter();
    request.upload.addEventListener("progress", (progress) => show(progress, rateOf));
    request.addEventListener("load", answered);
    request.addEventListener("error", () => { busy(false); tell({ "": [words.textLost] }); });
    request.addEventListener("abort", () => { busy(false); tell({ "": [words.textCancelled] }); });
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", form.elements.csrf_token.value);
    bar.removeAttribute("value");
    part("percent").textContent = "";
    part("words").textContent = "";
    busy(true);
    request.send(new FormData(form));
  });

  part("cancel").addEventListener("click", () => request.abort());
})();
