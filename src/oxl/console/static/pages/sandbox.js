// Sandbox: a clock that is moved, failures on purpose, and back to the demo.

import { OPERATOR, get, list, post } from "../api.js";
import { fill, h } from "../dom.js";
import { count, instantOf, moment, word } from "../format.js";
import { ask, badge, controls, empty, every, fault, table, toast } from "../parts.js";

const ACTION = `${OPERATOR}/sandboxAction`;
const FAULTS = [
  ["errorShare", "Requests that fail, 0 to 1", "0.1"], ["errorStatus", "With status", "500 to 504"], ["requestDelay", "Answers late by ms", "1500"],
  ["eventDelay", "Events late by ms", "3000"], ["duplicateShare", "Events twice, 0 to 1", "0.5"],
];

export async function show(main, { signal }) {
  const now = h("p", { class: "figure" }), ahead = h("p", { class: "small muted" }), actions = h("div"), wrong = h("div");
  const act = async (body, told) => {
    const made = await post(ACTION, body);
    await look();
    return typeof told === "function" ? told(made) : told;
  };
  const tried = (body, told) => async () => {
    fill(wrong);
    try {
      toast(await act(body, told));
    } catch (failure) {
      fill(wrong, fault(failure));
    }
  };
  const look = async () => {
    const [state, done] = await Promise.all([get(`${OPERATOR}/sandbox/sandbox`, {}, signal), list(ACTION, { sort: "-id", limit: 12 }, signal)]);
    fill(now, moment(state.now));
    fill(ahead, state.ahead ? `${count(Math.round(state.ahead / 86_400))} days ahead of the machine's clock` : "The same as the machine's clock");
    fill(actions, table("What was done", [
      { name: "When", of: (each) => moment(each.creationDate) },
      { name: "What", of: (each) => [word(each.kind), each.until ? ` to ${moment(each.until)}` : "", each.faults ? h("p", { class: "small mono" }, Object.entries(each.faults).map(([name, value]) => `${name} ${value}`).join(" ")) : null] },
      { name: "State", of: (each) => badge(each.state) },
      { name: "Note", of: (each) => each.note ?? "" },
    ], done.items, empty("Nothing yet", "")));
    return state;
  };
  const state = await look();
  const form = h("form", { class: "stack", onsubmit: (event) => {
    event.preventDefault();
    const given = [...new FormData(form)].filter(([, value]) => value !== "").map(([name, value]) => [name, Number(value)]);
    tried({ kind: "setFaults", faults: Object.fromEntries(given) }, given.length ? "From now on things fail as you asked." : "Nothing fails any more.")();
  } }, h("div", { class: "fields" }, controls(FAULTS.map(([name, label, placeholder]) => ({ name, label, placeholder, type: "number", step: "any", value: state.faults?.[name] })))),
  h("div", { class: "row" }, h("button", { class: "main", type: "submit" }, "Set faults"), h("button", { type: "button", onclick: () => {
    for (const input of form.querySelectorAll("input")) input.value = "";
    tried({ kind: "setFaults" }, "Nothing fails any more.")();
  } }, "No faults")));
  const until = () => ask({ title: "Move the clock", button: "Move", text: "It only goes forward. The worker does what is due by then.", fields: [{ name: "until", label: "To", type: "datetime-local", required: true }],
    act: ({ until: at }) => act({ kind: "moveClock", until: instantOf(at) }, "The clock is moved.") });
  const reset = () => ask({ title: "Erase everything and load the demo?", button: "Erase and load", text: "All that is in this tenant but its keys and its audit is erased, and its clock is set back.", fields: [
    { name: "subscribers", label: "Subscribers", type: "number", value: "1000" }, { name: "records", label: "Usage records", type: "number", value: "100000" }],
  act: ({ subscribers, records }) => act({ kind: "resetDemo", subscribers: Number(subscribers), records: Number(records) }, "A worker is at it; the list below tells how far it is.") });
  fill(main, h("h1", {}, "Sandbox"), wrong, h("div", { class: "grid" },
    h("section", { class: "card stack", "aria-label": "Clock" }, h("h2", {}, "Clock"), h("div", {}, now, ahead),
      h("div", { class: "row" }, h("button", { type: "button", class: "main", onclick: tried({ kind: "moveClock" }, "The month has ended. Bills and allowances follow.") }, "End the month now"), h("button", { type: "button", onclick: until }, "Move to …"))),
    h("section", { class: "card stack", "aria-label": "Begin anew" }, h("h2", {}, "Begin anew"), h("p", { class: "muted" }, "Back to the demo operator, as on the first day."),
      h("div", {}, h("button", { type: "button", class: "bad", onclick: reset }, "Reset to the demo")))),
  h("section", { class: "card", "aria-label": "Faults" }, h("h2", {}, "Faults"), h("p", { class: "muted small" }, "To see what your own systems make of them. They hold for the standard's APIs and for events, and not for the operator's own endpoints."), form),
  h("section", { class: "card flush", "aria-label": "What was done" }, h("h2", {}, "What was done"), actions));
  every(2, look, signal);
}
