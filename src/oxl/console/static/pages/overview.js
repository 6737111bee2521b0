// Overview: what happened over time, how the loop stands, what needs a person.

import { OPERATOR, get, list } from "../api.js";
import { chart } from "../chart.js";
import { fill, h } from "../dom.js";
import { ago, coins, compact, count, dayOfUtc, hour, word, capital } from "../format.js";
import { every, fault, segments } from "../parts.js";

const LOOP = {
  usage: ["Usage", "recorded and rated"],
  balance: ["Balances", "topped up and drawn"],
  bill: ["Bills", "last run"],
  event: ["Events", "last delivered"],
  recommendation: ["Offers", "model trained"],
  export: ["Exports", "last finished"],
  worker: ["Worker", "last seen"],
};
const ATTENTION = {
  usage: [(n) => `${n} usage records are in suspense`, "#/usage?status=failed", "Look at them"],
  bill: [(n) => `${n} bills are held`, "#/bills?state=onHold", "Look at them"],
  event: [(n) => `${n} events were given up`, "#/events/dead", "Look at them"],
  export: [(n) => `${n} exports failed this week`, "#/usage/exports", "Look at them"],
};
const SILENT = 60_000; // a worker that has not looked for so long is told of

const sum = (values) => values.reduce((total, each) => total + each, 0);

/** The series of a name, those of one label put together, the greatest first. */
function lines(overview, name, of) {
  const found = new Map();
  for (const each of overview.series.filter((one) => one.name === name && one[of])) {
    const label = capital(word(each.label));
    const before = found.get(label);
    found.set(label, before ? before.map((value, n) => value + each[of][n]) : each[of]);
  }
  return [...found].map(([label, values]) => ({ name: label, values })).filter((each) => sum(each.values)).sort((a, b) => sum(b.values) - sum(a.values));
}

function charts(overview) {
  const start = new Date(overview.startDateTime);
  const many = (Date.parse(overview.endDateTime) - start) / (overview.step === "hour" ? 3_600_000 : 86_400_000);
  const steps = Array.from({ length: Math.round(many) }, (_, n) => overview.step === "hour"
    ? hour(new Date(+start + n * 3_600_000)) : dayOfUtc(new Date(+start + n * 86_400_000)));
  const unit = overview.series.find((each) => each.unit)?.unit;
  const made = (title, name, of, alone) => {
    const series = alone ? lines(overview, name, of).map((each) => ({ ...each, name: alone })) : lines(overview, name, of);
    const total = sum(series.map((each) => sum(each.values)));
    return { title, steps, series, show: of === "amount" ? (v) => coins(v, unit) : count, total: of === "amount" ? coins(total, unit) : count(total) };
  };
  return [made("Usage records", "usage", "number"), made("Charged for usage", "usage", "amount"), made("Top-ups", "topup", "amount", "Top-ups"),
    made("Bills", "bill", "amount"), made("Events", "event", "number")];
}

function loopOf(steps, now) {
  return h("ul", { class: "loop" }, Object.entries(LOOP).map(([id, [title, what]]) => {
    const step = steps.find((each) => each.id === id) ?? {};
    const silent = id === "worker" && now - Date.parse(step.lastDate ?? 0) > SILENT;
    const state = step.attention || silent ? "warn" : step.lastDate ? "good" : "idle";
    return h("li", { class: state }, h("strong", {}, title), h("span", { class: "small muted" }, `${what} ${ago(step.lastDate, now)}`),
      step.waiting ? h("span", { class: "small muted" }, ` · ${compact(step.waiting)} waiting`) : null);
  }));
}

function attentionOf(steps, now) {
  const found = steps.filter((each) => each.attention && ATTENTION[each.id]).map((each) => {
    const [text, href, link] = ATTENTION[each.id];
    return h("li", {}, h("span", {}, text(`${each.isBounded ? "More than " : ""}${count(each.attention)}`)), h("a", { href }, link));
  });
  const worker = steps.find((each) => each.id === "worker");
  if (now - Date.parse(worker?.lastDate ?? 0) > SILENT) {
    found.push(h("li", {}, h("span", {}, "No worker is running: bills, events and exports wait."), h("code", {}, "oxl work")));
  }
  return found.length ? h("ul", { class: "attention" }, found) : h("p", { class: "muted" }, "Nothing needs you.");
}

export async function show(main, { signal }) {
  let chosen = sessionStorage.getItem("oxl.window") ?? "month";
  const place = h("div", { class: "grid" }), loop = h("div"), attention = h("div"), wrong = h("div");
  let cards = [];
  const look = async () => {
    const [overview, { items }] = await Promise.all([get(`${OPERATOR}/overview/${chosen}`, {}, signal), list(`${OPERATOR}/loopStep`, {}, signal)]);
    const seen = Date.parse(items.find((each) => each.id === "worker")?.lastDate ?? 0);
    const now = Math.max(Date.now(), seen), data = charts(overview);
    if (cards.length) cards.forEach((card, n) => card.update(data[n]));
    else fill(place, cards = data.map(chart));
    fill(loop, loopOf(items, now));
    fill(attention, attentionOf(items, now));
    fill(wrong);
  };
  fill(main,
    h("div", { class: "spread" }, h("h1", {}, "Overview"),
      h("div", { class: "row" }, h("span", { class: "badge good live" }, "Live"),
        segments("Time", [["day", "24 hours"], ["month", "30 days"]], chosen, (value) => {
          sessionStorage.setItem("oxl.window", chosen = value);
          look().catch((failure) => fill(wrong, fault(failure)));
        }))),
    wrong,
    h("section", { class: "card", "aria-label": "The loop" }, h("h2", {}, "The loop"), loop),
    h("section", { class: "card", "aria-label": "Needs attention" }, h("h2", {}, "Needs attention"), attention),
    h("h2", { class: "unseen" }, "Figures over time"), place);
  await look();
  every(2, () => look().catch((failure) => failure.name !== "AbortError" && fill(wrong, fault(failure))), signal);
}
