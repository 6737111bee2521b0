// What every page is made of: tables, badges, dialogs, faults, lists that grow.

import { fill, h } from "./dom.js";
import { capital, count, kind, word } from "./format.js";

export const badge = (status) => (status ? h("span", { class: `badge ${kind(status)}` }, capital(word(status))) : "");

/** A failure, told. */
export function fault(failure) {
  if (failure.name === "AbortError") return "";
  if (!failure.sentence) console.error(failure);
  return h("p", { class: "fault", role: "alert" }, failure.sentence ?? "Something went wrong in this page.",
    failure.code ? [" ", h("code", {}, [failure.code, failure.field].filter(Boolean).join(" · "))] : "");
}

export const empty = (title, text) => h("p", { class: "empty" }, h("strong", {}, title), text);

/** Say something in passing; also to a screen reader. */
export function toast(text) {
  const told = h("p", {}, text);
  document.getElementById("toasts").append(told);
  setTimeout(() => told.remove(), 6000);
}

const cell = (column, content) => h("td", { class: column.end ? "end" : undefined, "data-label": column.name },
  content === "" || content === undefined || content === null ? null : h("div", {}, content));

/**
 * A table. columns: [{name, of: item → text or node, end?: right-aligned}]; on a phone each row is a card.
 */
export function table(caption, columns, items, none = empty("Nothing here", "")) {
  if (!items.length) return none;
  const head = columns.map((each) => h("th", { scope: "col", class: each.end ? "end" : undefined }, each.name));
  const rows = items.map((item) => h("tr", {}, columns.map((each) =>
    cell(each, each.of(item)))));
  return h("div", { class: "scroll" }, h("table", { class: "cards" }, h("caption", { class: "unseen" }, caption),
    h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows)));
}

/** A card around something that is asked for when it is shown: `ask` gives the nodes; a failure stands in their place. */
export function section(title, ask, { flush = false, tools = [] } = {}) {
  const inside = h("div", { "aria-busy": "true" }, h("p", { class: flush ? "empty" : "muted" }, "Loading …"));
  const card = h("section", { class: `card${flush ? " flush" : ""}`, "aria-label": title },
    h("div", { class: "spread" }, h("h2", {}, title), h("div", { class: "row" }, tools)), inside);
  card.refresh = async () => {
    try {
      fill(inside, await ask());
    } catch (failure) {
      if (failure.name !== "AbortError") fill(inside, fault(failure));
    }
    inside.removeAttribute("aria-busy");
  };
  card.ready = card.refresh();
  return card;
}

/** How many of how many are shown. */
export function shown(items, total, estimated) {
  const all = `${estimated ? "about " : ""}${count(total)}`;
  return h("p", { class: "more small muted" }, items.length < total ? `The first ${count(items.length)} of ${all}` : `${all} in all`);
}

function control(field) {
  const id = `field-${field.name.replace(/\W/g, "-")}`;
  const shared = { id, name: field.name, required: field.required, "aria-describedby": field.hint ? `${id}-hint` : undefined };
  const input = field.options
    ? h("select", shared, field.options.map(([value, text]) => h("option", { value, selected: value === field.value }, text)))
    : h(field.long ? "textarea" : "input", { ...shared, type: field.long ? undefined : (field.type ?? "text"), step: field.step,
        min: field.min, max: field.max, value: field.value, placeholder: field.placeholder, autocomplete: "off",
        inputmode: field.type === "number" ? "decimal" : undefined, spellcheck: "false" });
  return h("div", {}, h("label", { for: id }, field.label), input,
    field.hint ? h("p", { class: "hint", id: `${id}-hint` }, field.hint) : null);
}

export const controls = (fields) => fields.map(control);

/**
 * A dialog with a form. fields: [{name, label, type, value, options, hint, required}]; `act` gets the values by name and
 * gives what is said when it is done. A failure is told in the dialog and marks its field; what was typed stays.
 */
export function ask({ title, text, fields, button = "Save", act }) {
  const wrong = h("div"), send = h("button", { class: "main", type: "submit" }, button);
  const form = h("form", { method: "dialog", novalidate: true }, h("h2", { id: "dialog-title" }, title), text ? h("p", { class: "muted" }, text) : null,
    controls(fields), wrong,
    h("div", { class: "actions" }, h("button", { type: "button", onclick: () => box.close() }, "Cancel"), send));
  const box = h("dialog", { "aria-labelledby": "dialog-title" }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (send.disabled) return;
    for (const input of form.elements) input.removeAttribute("aria-invalid");
    const missing = [...form.elements].find((each) => each.required && !each.value.trim());
    if (missing) {
      missing.setAttribute("aria-invalid", "true");
      fill(wrong, h("p", { class: "fault", role: "alert" }, `${missing.labels[0].textContent} is required.`));
      missing.focus();
      return;
    }
    send.disabled = true;
    try {
      const told = await act(Object.fromEntries(new FormData(form)));
      box.close();
      if (told) toast(told);
    } catch (failure) {
      fill(wrong, fault(failure));
      const at = [...form.elements].find((each) => each.name && failure.field?.startsWith(each.name));
      at?.setAttribute("aria-invalid", "true");
      at?.focus();
    }
    send.disabled = false;
  });
  return opened(box);
}

/** A dialog that shows something. */
export function reveal(title, content, wide = true) {
  const box = h("dialog", { class: wide ? "wide" : undefined, "aria-labelledby": "dialog-title" },
    h("div", { class: "inside" }, h("div", { class: "spread" }, h("h2", { id: "dialog-title" }, title),
      h("button", { type: "button", class: "quiet", onclick: () => box.close() }, "Close")), content));
  return opened(box);
}

function opened(box) {
  const before = document.activeElement;
  document.body.append(box);
  box.addEventListener("close", () => {
    box.remove();
    before?.focus?.();
  });
  box.showModal();
  box.querySelector("input, select, textarea")?.focus();
  return box;
}

/** Buttons of which one is pressed: choices [[value, text]]. */
export function segments(label, choices, chosen, choose) {
  const buttons = choices.map(([value, text]) =>
    h("button", { type: "button", "aria-pressed": String(value === chosen), onclick: () => {
      for (const each of buttons) each.setAttribute("aria-pressed", String(each === buttons[choices.findIndex(([v]) => v === value)]));
      choose(value);
    } }, text));
  return h("div", { class: "segments", role: "group", "aria-label": label }, buttons);
}

/** Do something now and then while a page is shown and seen. */
export function every(seconds, act, signal) {
  let running = false;
  const timer = setInterval(async () => {
    if (running || document.hidden) return;
    running = true;
    try {
      await act();
    } catch (failure) {
      if (failure.name !== "AbortError" && failure.status === undefined) console.error(failure);
    }
    running = false;
  }, seconds * 1000);
  signal.addEventListener("abort", () => clearInterval(timer));
}

export const facts = (pairs) => h("dl", { class: "facts" },
  pairs.filter(([, value]) => value !== "" && value !== undefined && value !== null).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
