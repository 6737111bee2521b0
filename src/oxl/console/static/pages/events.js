// Events: as they come, who is told of them, what became of each delivery, what was given up, and all of it again.

import { OPERATOR, fetched, list, post } from "../api.js";
import { fill, h } from "../dom.js";
import { ago, count, instantOf, moment, onTheClock, word } from "../format.js";
import { ask, badge, controls, empty, every, fault, reveal, table, toast } from "../parts.js";

const TABS = [["live", "#/events", "Live"], ["listeners", "#/events/listeners", "Subscriptions"], ["deliveries", "#/events/deliveries", "Deliveries"], ["dead", "#/events/dead", "Dead letters"]];
const heading = (current) => [h("h1", {}, "Events"), h("nav", { class: "tabs", "aria-label": "Events" },
  TABS.map(([name, href, title]) => h("a", { href, "aria-current": name === current ? "page" : undefined }, title)))];

function live(main, signal) {
  const place = h("div"), mode = h("button", { type: "button", "aria-pressed": "false", onclick: () => {
    paused = !paused;
    mode.setAttribute("aria-pressed", String(paused));
    fill(mode, paused ? "Go on" : "Pause");
  } }, "Pause");
  const form = h("form", { class: "fields", onsubmit: (event) => event.preventDefault() }, controls([
    { name: "eventType", label: "Type contains", placeholder: "TopupBalance" }, { name: "resourceId", label: "Resource", placeholder: "id" }]));
  let paused = false, first = "";
  const look = async () => {
    if (paused) return;
    const { eventType, resourceId } = Object.fromEntries(new FormData(form));
    const plain = eventType.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const { items } = await list(`${OPERATOR}/eventRecord`, { sort: "-id", limit: 40, "eventType.regex": plain ? `(?i)${plain}` : "", resourceId: resourceId.trim() }, signal);
    const mark = items.map((each) => each.id).join();
    if (mark === first && items.length) return;
    first = mark;
    fill(place, table("Events", [
      { name: "When", of: (each) => moment(each.eventTime) },
      { name: "Event", of: (each) => h("button", { type: "button", class: "quiet", onclick: () => reveal(each.eventType, h("pre", { class: "code", tabindex: "0" }, JSON.stringify(each.event, null, 2))) }, each.eventType) },
      { name: "API", of: (each) => word(each.api) },
      { name: "Resource", of: (each) => h("span", { class: "mono" }, each.resourceId) },
    ], items, empty("No events", "They appear here as they happen.")));
  };
  fill(main, heading("live"), h("section", { class: "card", "aria-label": "Filter" }, h("div", { class: "spread" }, form, h("div", { class: "row" }, h("span", { class: "badge good live" }, "Live"), mode))),
    h("section", { class: "card flush", "aria-label": "Events" }, place));
  every(1, look, signal);
  return look();
}

const NAMES = { product_usage: "tmf-api/productUsageManagement/v5", prepay_balance: "tmf-api/prepayBalanceManagement/v4", usage_consumption: "tmf-api/usageConsumption/v5",
  customer_bill: "tmf-api/customerBillManagement/v5", recommendation: "tmf-api/recommendationManagement/v4", operator: "oxl/v1", billing: "oxl/billing/v1" };

function subscribeTo(look) {
  ask({ title: "Subscribe to events", button: "Subscribe", fields: [
    { name: "api", label: "Events of", options: Object.keys(NAMES).map((each) => [each, word(each)]) },
    { name: "callback", label: "Callback", type: "url", required: true, placeholder: "https://listener.example/told" },
    { name: "query", label: "Only", placeholder: "eventType=TopupBalanceCreateEvent", hint: "As in a list of the API; empty: everything." },
  ], act: async ({ api, callback, query }) => {
    await post(`${NAMES[api]}/hub`, { callback, ...(query ? { query } : {}) });
    await look();
    return "Subscribed.";
  } });
}

function listeners(main, signal) {
  const place = h("div"), look = async () => {
    const { items } = await list(`${OPERATOR}/hubListener`, { sort: "-id", limit: 50 }, signal);
    fill(place, table("Subscriptions", [
      { name: "Callback", of: (each) => h("span", { class: "mono" }, each.callback) },
      { name: "Events of", of: (each) => [word(each.api), each.query ? h("p", { class: "small mono" }, each.query) : null] },
      { name: "State", of: (each) => badge(each.status) },
      { name: "Waiting", of: (each) => count(each.waiting), end: true },
      { name: "Dead", of: (each) => count(each.dead), end: true },
      { name: "Since", of: (each) => moment(each.creationDate) },
      { name: "Do", of: (each) => (each.status === "ended" ? each.endReason : [replayButton(each), endButton(each, look)]) },
    ], items, empty("Nobody is subscribed", "Subscribe a callback to be told of events as they happen.")));
  };
  fill(main, heading("listeners"), h("section", { class: "card flush", "aria-label": "Subscriptions" },
    h("div", { class: "spread" }, h("h2", {}, "Subscriptions"), h("button", { type: "button", class: "main", onclick: () => subscribeTo(look) }, "Subscribe")), place));
  every(3, look, signal);
  return look();
}

const replayButton = (listener) => h("button", { type: "button", class: "quiet", onclick: () => ask({ title: "Tell it again?", button: "Replay", text: "Events keep their ids, so that a listener knows those it has seen.", fields: [
  { name: "since", label: "Everything since", type: "datetime-local", required: true, value: onTheClock(Date.now() - 3_600_000).slice(0, 16) },
], act: async ({ since }) => {
  await post(`${OPERATOR}/eventReplay`, { hubListener: { id: listener.id }, startDateTime: instantOf(since) });
  return "It is told again from then on.";
} }) }, "Replay");

const endButton = (listener, look) => h("button", { type: "button", class: "quiet bad", onclick: () => ask({ title: "End this subscription?", button: "End it", text: listener.callback, fields: [], act: async () => {
  await fetched(`${NAMES[listener.api]}/hub/${listener.id}`, { method: "DELETE" });
  await look();
  return "The subscription has ended.";
} }) }, "End");

function deliveries(main, signal) {
  const place = h("div"), form = h("form", { class: "fields", onchange: () => look(), onsubmit: (event) => event.preventDefault() }, controls([
    { name: "outcome", label: "Outcome", options: [["", "Any"], ["delivered", "Delivered"], ["failed", "Failed"], ["dead", "Dead"]] }]));
  const look = async () => {
    const { items } = await list(`${OPERATOR}/eventDelivery`, { sort: "-id", limit: 50, ...Object.fromEntries(new FormData(form)) }, signal);
    fill(place, table("Deliveries", [
      { name: "When", of: (each) => moment(each.deliveryDate) },
      { name: "Event", of: (each) => each.eventType },
      { name: "Try", of: (each) => count(each.attempt), end: true },
      { name: "Outcome", of: (each) => badge(each.outcome) },
      { name: "Answer", of: (each) => [each.httpStatus || "", " ", h("span", { class: "small muted" }, each.reason)] },
      { name: "Took", of: (each) => `${count(each.duration)} ms`, end: true },
    ], items, empty("No deliveries", "Each try to tell a listener is a line here.")));
  };
  fill(main, heading("deliveries"), h("section", { class: "card", "aria-label": "Filter" }, form), h("section", { class: "card flush", "aria-label": "Deliveries" }, place));
  every(2, look, signal);
  return look();
}

function dead(main, signal) {
  const place = h("div"), again = async (body) => {
    try {
      const made = await post(`${OPERATOR}/eventReplay`, body);
      toast(`${count(made.number)} will be told again.`);
      await look();
    } catch (failure) {
      toast(failure.sentence ?? "It could not be told again.");
    }
  };
  const look = async () => {
    const { items } = await list(`${OPERATOR}/deadLetter`, { limit: 50 }, signal), ids = [...new Set(items.map((each) => each.hubListener.id))];
    fill(place, h("div", { class: "spread" }, h("h2", {}, "Dead letters"), ids.length ? h("button", { type: "button", onclick: async () => {
      for (const id of ids) await again({ hubListener: { id } });
    } }, "Tell all again") : null),
    table("Dead letters", [
      { name: "Resource", of: (each) => [each.resource, h("p", { class: "mono small" }, each.resourceId)] },
      { name: "Given up", of: (each) => ago(each.deadSince) },
      { name: "Tries", of: (each) => count(each.attempts), end: true },
      { name: "Why", of: (each) => each.reason },
      { name: "Do", of: (each) => h("button", { type: "button", class: "quiet", onclick: () => again({ hubListener: { id: each.hubListener.id }, deadLetter: { id: each.id } }) }, "Tell again") },
    ], items, empty("No dead letters", "Every event came through, or is still being tried.")));
  };
  fill(main, heading("dead"), h("section", { class: "card flush", "aria-label": "Dead letters" }, place));
  every(3, look, signal);
  return look();
}

export async function show(main, { rest, signal }) {
  const page = { listeners, deliveries, dead }[rest[0]] ?? live;
  try {
    await page(main, signal);
  } catch (failure) {
    main.append(fault(failure));
  }
}
