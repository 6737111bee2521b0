// Usage: find records as in the API, have a rating explained, try again what is in suspense; files in and out.

import { OPERATOR, USAGE, get, list, post } from "../api.js";
import { fill, h } from "../dom.js";
import { capital, count, instantOf, moment, money, quantity, word } from "../format.js";
import { badge, controls, empty, facts, fault, reveal, section, table, toast } from "../parts.js";
import { exportJobs, importFile } from "./files.js";
import { usageLine } from "./line.js";

const PAGE = 25;
const STATUSES = ["", "rated", "notRated", "failed", "corrected", "superseded"];
const KINDS = ["", "voice", "sms", "data", "tv"];

const filters = (query) => [
  { name: "status", label: "Status", value: query.get("status") ?? "", options: STATUSES.map((each) => [each, each ? capital(word(each)) : "Any"]) },
  { name: "usageType", label: "Kind", value: query.get("usageType") ?? "", options: KINDS.map((each) => [each, each ? capital(word(each)) : "Any"]) },
  { name: "product.id", label: "Product", value: query.get("product.id") ?? "", placeholder: "id" },
  { name: "creationDate.gte", label: "Recorded since", type: "date", value: query.get("creationDate.gte") ?? "" },
  { name: "more", label: "More, as in the API", value: query.get("more") ?? "", placeholder: "statusReason=noPlan" },
];

/** The parameters of the API's list that a page's address means. */
function asked(query) {
  const plain = Object.fromEntries(["status", "usageType", "product.id", "creationDate.gte"].map((name) => [name, query.get(name)]));
  const since = plain["creationDate.gte"];
  if (/^\d{4}-\d\d-\d\d$/.test(since)) plain["creationDate.gte"] = instantOf(`${since}T00:00:00`);
  return { ...plain, ...Object.fromEntries(new URLSearchParams(query.get("more") ?? "")) };
}

const rows = (items) => table("Usage records", [
  { name: "When", of: (each) => h("a", { href: `#/usage/${each.id}` }, moment(usageLine(each).at)) },
  { name: "What", of: (each) => [usageLine(each).title, " ", h("span", { class: "muted small" }, usageLine(each).text)] },
  { name: "Status", of: (each) => badge(each.status) },
  { name: "Price", of: (each) => usageLine(each).end, end: true },
], items, empty("No such records", "Change the filters, or record some usage."));

/** Try again everything in suspense that a filter means, and show how far it is. */
async function retry(reason, place, done) {
  try {
    let job = await post(`${OPERATOR}/usageJob`, { kind: "retry", ...(reason ? { statusReason: reason } : {}) });
    for (let wait = 200; !["done", "terminatedWithError"].includes(job.state); wait = Math.min(1000, wait * 1.3)) {
      const so = Object.values(job.outcome ?? {}).reduce((sum, each) => sum + each, 0);
      fill(place, h("label", { for: "retrying" }, `Trying ${count(job.total)} records again`), h("progress", { id: "retrying", max: job.total || 1, value: so }));
      await new Promise((later) => setTimeout(later, wait));
      job = await get(`${OPERATOR}/usageJob/${job.id}`);
    }
    const told = Object.entries(job.outcome ?? {}).map(([name, n]) => `${count(n)} ${word(name)}`).join(", ");
    fill(place, h("p", { class: "told", role: "status" }, `Tried again: ${told || "there was nothing to try"}.`));
    done();
  } catch (failure) {
    fill(place, fault(failure));
  }
}

async function records(main, query, signal, go) {
  const offset = Number(query.get("offset") ?? 0), place = h("div"), suspense = h("div");
  const form = h("form", { class: "card", onsubmit: (event) => {
    event.preventDefault();
    go(`#/usage?${new URLSearchParams([...new FormData(form)].filter(([, value]) => value))}`);
  } }, h("div", { class: "fields" }, controls(filters(query)), h("button", { class: "main", type: "submit" }, "Find")));
  const turn = (to) => {
    const next = new URLSearchParams(query);
    next.set("offset", Math.max(0, to));
    return `#/usage?${next}`;
  };
  const look = async () => {
    try {
      const found = await list(`${USAGE}/productUsage`, { sort: "-id", ...asked(query), limit: PAGE, offset }, signal);
      fill(place, h("section", { class: "card flush", "aria-label": "Records" },
        h("div", { class: "spread" }, h("h2", {}, "Records"), query.get("status") === "failed" ? again : null), rows(found.items),
        h("div", { class: "spread more" }, h("span", { class: "small muted" }, found.items.length ? `${count(offset + 1)} to ${count(offset + found.items.length)} of ${found.estimated ? "about " : ""}${count(found.total)}` : ""),
          h("div", { class: "row" }, offset ? h("a", { class: "button", href: turn(offset - PAGE) }, "Newer") : null,
            offset + found.items.length < found.total ? h("a", { class: "button", href: turn(offset + PAGE) }, "Older") : null))));
    } catch (failure) {
      if (failure.name !== "AbortError") fill(place, fault(failure));
    }
  };
  const again = h("button", { type: "button", onclick: () => retry(asked(query).statusReason, suspense, look) }, "Try all again");
  fill(main, heading("records"), form, suspense, place);
  await look();
}

const heading = (current) => [h("h1", {}, "Usage"), h("nav", { class: "tabs", "aria-label": "Usage" },
  [["records", "#/usage", "Records"], ["import", "#/usage/import", "Import"], ["exports", "#/usage/exports", "Exports"]].map(([name, href, title]) =>
    h("a", { href, "aria-current": name === current ? "page" : undefined }, title)))];

/** A rating, step by step. */
export const stepsOf = (explanation) => h("ol", { class: "steps" }, explanation.step.map((each) =>
  h("li", {}, h("strong", {}, capital(word(each.name))), h("span", {}, each.text), h("span", { class: "number" }, each.amount ?? ""))));

async function one(main, id, signal) {
  const usage = await get(`${USAGE}/productUsage/${encodeURIComponent(id)}`, {}, signal), told = usageLine(usage);
  const explain = h("button", { class: "main", type: "button", onclick: async () => {
    try {
      reveal("How it was rated", stepsOf(await post(`${OPERATOR}/ratingExplanation`, { usage: { id } })));
    } catch (failure) {
      toast(failure.sentence ?? "It cannot be explained.");
    }
  } }, "Explain the rating");
  const again = usage.status !== "failed" ? null : h("button", { type: "button", onclick: async () => {
    try {
      const now = await post(`${USAGE}/productUsage/${id}`, { status: "validated" }, { method: "PATCH", type: "application/merge-patch+json" });
      toast(now.status === "failed" ? `Still in suspense: ${word(now.statusReason)}.` : `It is ${word(now.status)} now.`);
      await one(main, id, signal);
    } catch (failure) {
      toast(failure.sentence ?? "It could not be tried again.");
    }
  } }, "Try again");
  const prices = table("What it came to", [
    { name: "Part", of: (each) => each.name },
    { name: "Zone", of: (each) => each.zone ?? "" },
    { name: "Quantity", of: (each) => quantity(each.quantity.amount, each.quantity.units), end: true },
    { name: "Paid by", of: (each) => (each.bucket ? "an allowance or balance" : "the bill") },
    { name: "With tax", of: (each) => money(each.price.taxIncludedAmount), end: true },
  ], usage.usageProductPrice ?? [], empty("No price", usage.status === "failed" ? "It is in suspense; nothing has been charged for it." : "It costs nothing."));
  const history = section("History", async () => {
    const { items } = await list(`${OPERATOR}/usageHistory`, { "usage.id": id, limit: 50 }, signal);
    return table("History", [
      { name: "When", of: (each) => moment(each.date) },
      { name: "From", of: (each) => word(each.previousStatus) },
      { name: "To", of: (each) => badge(each.status) },
      { name: "By", of: (each) => each.actor },
      { name: "Why", of: (each) => word(each.reason ?? "") },
    ], items);
  }, { flush: true });
  fill(main, h("div", { class: "spread" }, h("div", {}, h("p", { class: "small" }, h("a", { href: "#/usage" }, "Usage")), h("h1", {}, `${told.title}, ${moment(told.at)}`),
    h("p", { class: "row" }, badge(usage.status), usage.statusReason ? h("span", { class: "muted" }, word(usage.statusReason)) : null)), h("div", { class: "row" }, again, explain)),
  h("div", { class: "aside" }, h("div", { class: "stack" }, h("section", { class: "card flush", "aria-label": "Price" }, h("h2", {}, "Price"), prices), history),
    h("section", { class: "card", "aria-label": "Record" }, h("h2", {}, "Record"), facts([...usage.usageCharacteristic.map((each) => [capital(word(each.name)), String(each.value)]),
      ["Specification", usage.usageSpecification?.id], ["Product", usage.product?.id], ["Recorded", moment(usage.creationDate)],
      ["Named", usage.externalIdentifier?.map((each) => each.id).join(", ")], ["Id", h("span", { class: "mono" }, usage.id)]]))));
}

export async function show(main, { rest, query, signal, go }) {
  if (rest[0] === "import") return fill(main, heading("import"), importFile());
  if (rest[0] === "exports") return fill(main, heading("exports"), exportJobs(signal));
  if (rest[0]) return one(main, rest[0], signal);
  return records(main, query, signal, go);
}
