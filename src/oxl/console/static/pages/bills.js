// Bills: found, read beside their PDF, explained down to the usage; runs with progress and control sums.

import { BILLING, BILLS, fetched, get, list, post } from "../api.js";
import { fill, h } from "../dom.js";
import { capital, coins, count, day, moment, money, quantity, word } from "../format.js";
import { ask, badge, controls, empty, every, facts, fault, reveal, shown, table, toast } from "../parts.js";

const STATES = ["", "new", "onHold", "validated", "sent", "partiallyPaid", "settled"];

const heading = (current) => [h("h1", {}, "Bills"), h("nav", { class: "tabs", "aria-label": "Bills" },
  [["bills", "#/bills", "Bills"], ["runs", "#/bills/runs", "Runs"]].map(([name, href, title]) =>
    h("a", { href, "aria-current": name === current ? "page" : undefined }, title)))];

async function bills(main, query, signal, go) {
  const place = h("div"), names = ["state", "billNo", "billingAccount.id"];
  const form = h("form", { class: "card", onsubmit: (event) => {
    event.preventDefault();
    go(`#/bills?${new URLSearchParams([...new FormData(form)].filter(([, value]) => value))}`);
  } }, h("div", { class: "fields" }, controls([
    { name: "state", label: "State", value: query.get("state") ?? "", options: STATES.map((each) => [each, each ? capital(word(each)) : "Any"]) },
    { name: "billNo", label: "Number", value: query.get("billNo") ?? "", placeholder: "AM2026-00000001" },
    { name: "billingAccount.id", label: "Account", value: query.get("billingAccount.id") ?? "", placeholder: "id" },
  ]), h("button", { class: "main", type: "submit" }, "Find")));
  fill(main, heading("bills"), form, place);
  const found = await list(`${BILLS}/customerBill`, { ...Object.fromEntries(names.map((name) => [name, query.get(name)])), sort: "-id", limit: 50 }, signal);
  fill(place, h("section", { class: "card flush", "aria-label": "Found bills" }, table("Bills", [
    { name: "Bill", of: (each) => h("a", { href: `#/bills/${each.id}` }, each.billNo ?? "not numbered") },
    { name: "Customer", of: (each) => each.relatedParty?.[0]?.partyOrPartyRole?.name ?? "" },
    { name: "Date", of: (each) => day(each.billDate) },
    { name: "Kind", of: (each) => capital(word(each.category)) },
    { name: "State", of: (each) => badge(each.state) },
    { name: "Due", of: (each) => money(each.amountDue), end: true },
  ], found.items, empty("No such bills", "Bills come with a run, or with Bill now on a subscriber's page.")), found.items.length ? shown(found.items, found.total, found.estimated) : null));
}

async function explainLine(line) {
  try {
    const told = await get(`${BILLING}/billExplanation/${encodeURIComponent(line.id)}`);
    reveal(told.name, [h("ul", { class: "stack tight" }, told.arithmetic.map((each) => h("li", {}, each))),
      told.usage ? table("Usage behind this line", [
        { name: "When", of: (each) => h("a", { href: `#/usage/${each.id}` }, moment(each.startDateTime)) },
        { name: "Quantity", of: (each) => quantity(each.quantity, each.unit), end: true },
        { name: "Plan", of: (each) => each.pricePlan ?? "" },
        { name: "Net", of: (each) => money(each.taxExcludedAmount), end: true },
      ], told.usage.slice(0, 500)) : h("p", { class: "muted" }, "No usage is behind this line.")]);
  } catch (failure) {
    toast(failure.sentence ?? "It cannot be explained.");
  }
}

/** The PDF of a bill beside its lines, and the files to keep. */
function papers(bill, signal) {
  const place = h("div", { class: "stack" }, h("p", { class: "muted" }, "Loading …"));
  fetched(`${BILLS}/customerBill/${bill.id}/pdf`, { signal }).then((answer) => answer.blob()).then((blob) => {
    const url = URL.createObjectURL(blob), name = `${bill.billNo ?? "preview"}.pdf`;
    signal.addEventListener("abort", () => URL.revokeObjectURL(url));
    fill(place, matchMedia("(min-width: 861px)").matches ? h("iframe", { class: "paper", src: url, title: `PDF of bill ${bill.billNo ?? ""}` }) : null,
      h("p", {}, h("a", { class: "button", href: url, download: name }, "Save the PDF")));
  }).catch((failure) => failure.name !== "AbortError" && fill(place, fault(failure)));
  return h("section", { class: "card", "aria-label": "Document" }, h("h2", {}, "Document"), place);
}

async function one(main, id, signal) {
  const [bill, told] = await Promise.all([get(`${BILLS}/customerBill/${encodeURIComponent(id)}`, {}, signal), get(`${BILLING}/billExplanation/${encodeURIComponent(id)}`, {}, signal)]);
  const held = ["new", "onHold"].includes(bill.state) ? h("button", { type: "button", class: "main", onclick: async () => {
    try {
      await post(`${BILLS}/customerBill/${id}`, { state: "validated" }, { method: "PATCH", type: "application/merge-patch+json" });
      toast("The bill is validated and will be sent.");
      await one(main, id, signal);
    } catch (failure) {
      toast(failure.sentence ?? "It could not be validated.");
    }
  } }, "Validate") : null;
  const lines = table("Lines", [
    { name: "What", of: (each) => h("button", { type: "button", class: "quiet", onclick: () => explainLine(each) }, each.name) },
    { name: "How", of: (each) => h("span", { class: "small muted" }, each.arithmetic[0]) },
    { name: "Tax", of: (each) => money(each.tax), end: true },
    { name: "Net", of: (each) => money(each.taxExcludedAmount), end: true },
  ], told.line ?? [], empty("No lines", ""));
  fill(main, h("div", { class: "spread" }, h("div", {}, h("p", { class: "small" }, h("a", { href: "#/bills" }, "Bills")), h("h1", {}, `Bill ${bill.billNo ?? "without a number"}`),
    h("p", { class: "row" }, badge(bill.state), h("span", { class: "muted" }, `${bill.relatedParty?.[0]?.partyOrPartyRole?.name ?? ""} · ${word(bill.category)}`))), held),
  h("div", { class: "two" }, h("div", { class: "stack" },
    h("section", { class: "card", "aria-label": "Bill" }, facts([["To pay", h("strong", { class: "number" }, money(bill.amountDue))], ["Still open", money(bill.remainingAmount)],
      ["Due", day(bill.paymentDueDate)], ["Period", `${day(bill.billingPeriod.startDateTime)} – ${day(Date.parse(bill.billingPeriod.endDateTime) - 1)}`],
      ["Net", money(bill.taxExcludedAmount)], ["Tax", bill.taxItem?.map((each) => `${each.taxRate} %: ${money(each.taxAmount)}`).join(", ")], ["Account", bill.billingAccount.id]])),
    h("section", { class: "card flush", "aria-label": "Lines" }, h("h2", {}, "Lines"), lines),
    h("section", { class: "card", "aria-label": "How it adds up" }, h("h2", {}, "How it adds up"), h("ul", { class: "stack tight" }, told.arithmetic.map((each) => h("li", { class: "number" }, each))))),
  papers(bill, signal)));
}

// ── runs ──

const SUMS = { bills: "Bills", held: "Held", empty: "Nothing to bill", error: "Failed", lines: "Lines" };

function control(run) {
  const sums = run.control;
  if (!sums) return "";
  const off = Object.entries(sums.zero ?? {}).filter(([, value]) => value !== 0);
  return [h("p", { class: "small" }, Object.entries(SUMS).filter(([name]) => sums[name]).map(([name, title]) => `${title} ${count(sums[name])}`).join(" · "),
    sums.net === undefined ? "" : ` · net ${coins(sums.net / 1e6)} · tax ${coins(sums.tax / 1e6)}`),
  h("p", { class: "small muted" }, off.length ? `These should be zero: ${off.map(([name, value]) => `${word(name)} ${value}`).join(", ")}` : "All control sums hold.")];
}

function runs(main, signal) {
  const place = h("div"), look = async () => {
    const { items } = await list(`${BILLING}/billRun`, { sort: "-id", limit: 25 }, signal);
    fill(place, table("Bill runs", [
      { name: "Started", of: (each) => moment(each.startDate) },
      { name: "Of", of: (each) => [`${capital(word(each.kind))} `, h("span", { class: "number" }, each.billCycle?.id ?? "")] },
      { name: "State", of: (each) => [badge(each.state), each.state === "running" ? h("progress", { max: each.accounts || 1, value: each.accounts - each.pending, "aria-label": "Accounts billed" }) : null] },
      { name: "Accounts", of: (each) => count(each.accounts), end: true },
      { name: "Control sums", of: control },
    ], items, empty("No runs yet", "A worker starts one when a cycle ends.")));
  };
  const start = h("button", { type: "button", class: "main", onclick: async () => {
    const { items } = await list(`${BILLS}/billCycle`, { sort: "-billingDate", "billingDate.lte": new Date().toISOString(), limit: 28 });
    ask({ title: "Start a bill run", button: "Start", text: "A cycle's run is made once. A trial shows what would come of it and bills nothing.", fields: [
      { name: "kind", label: "Kind", options: [["trial", "Trial"], ["onCycle", "Bill the cycle"]] },
      { name: "cycle", label: "Cycle that has ended", options: items.map((each) => [each.id, each.name]), required: true },
    ], act: async ({ kind, cycle }) => {
      await post(`${BILLING}/billRun`, { kind, billCycle: { id: cycle } });
      await look();
      return "The run has begun.";
    } });
  } }, "Start a run");
  fill(main, heading("runs"), h("section", { class: "card flush", "aria-label": "Bill runs" }, h("div", { class: "spread" }, h("h2", {}, "Bill runs"), start), place));
  every(1, look, signal);
  return look();
}

export async function show(main, { rest, query, signal, go }) {
  if (rest[0] === "runs") return runs(main, signal);
  return rest[0] ? one(main, rest[0], signal) : bills(main, query, signal, go);
}
