// Catalog: offerings and plans, a usage simulated against a plan, files checked before anybody publishes them.

import { OPERATOR, list, post } from "../api.js";
import { fill, h } from "../dom.js";
import { capital, count, day, money, quantity, word } from "../format.js";
import { badge, controls, empty, facts, fault, shown, table } from "../parts.js";
import { stepsOf } from "./usage.js";

const TABS = [["offerings", "#/catalog", "Offerings"], ["plans", "#/catalog/plans", "Plans"], ["simulate", "#/catalog/simulate", "Simulate"], ["check", "#/catalog/check", "Check"]];
const heading = (current) => [h("h1", {}, "Catalog"), h("nav", { class: "tabs", "aria-label": "Catalog" },
  TABS.map(([name, href, title]) => h("a", { href, "aria-current": name === current ? "page" : undefined }, title)))];
const card = (title, ...content) => h("section", { class: "card flush", "aria-label": title }, content);

async function offerings(main, signal) {
  const { items, total } = await list(`${OPERATOR}/productOffering`, { limit: 200, sort: "name" }, signal);
  fill(main, heading("offerings"), card("Offerings", table("Offerings", [
    { name: "Offering", of: (each) => [h("strong", {}, each.name), h("p", { class: "small muted" }, each.description ?? "")] },
    { name: "State", of: (each) => badge(each.lifecycleStatus) },
    { name: "Sold now", of: (each) => (each.isSellable ? "yes" : "no") },
    { name: "Categories", of: (each) => (each.category ?? []).map((one) => one.id).join(", ") },
    { name: "Plan", of: (each) => (each.pricePlan ? h("a", { href: `#/catalog/plans?id=${each.pricePlan.id}` }, each.pricePlan.id) : "") },
  ], items, empty("No offerings", "Publish a catalog: oxl catalog publish FOLDER.")), shown(items, total)));
}

async function plans(main, query, signal) {
  const { items, total } = await list(`${OPERATOR}/pricePlan`, { limit: 200, "id.regex": query.get("id") ? `^${query.get("id")}[.]` : "" }, signal);
  fill(main, heading("plans"), h("div", { class: "grid" }, items.map((plan) => h("section", { class: "card stack tight", "aria-label": `${plan.name}, version ${plan.version}` },
    h("div", { class: "spread" }, h("h2", {}, plan.name), h("span", { class: "badge" }, `version ${plan.version}`)),
    h("p", { class: "small muted" }, plan.description ?? ""),
    facts([["Kind", capital(word(plan.kind))], ["From", day(plan.validFor?.startDateTime)], ["Prices", plan.taxIncluded ? "with tax" : "without tax"],
      ...plan.allowance.map((each) => [each.name, `${quantity(each.amount.amount, each.amount.units)}${each.isShared ? ", shared" : ""}`]),
      ...plan.productOfferingPrice.map((each) => [each.name, each.price ? money(each.price) : each.unitOfMeasure ? `per ${each.unitOfMeasure}` : "free"])]),
    h("p", {}, h("a", { href: `#/catalog/simulate?plan=${plan.id}` }, "Simulate a usage"))))), items.length ? shown(items, total) : empty("No plans", ""));
}

const TODAY = () => new Date().toISOString().slice(0, 19);
const guess = (spec, one) => {
  const role = Object.entries(spec.role).find(([, name]) => name === one.name)?.[0];
  return { number: "+4915550000001", destination: "+493012345678", start: `${TODAY()}Z`, quantity: "60", quantityUnit: one.characteristicValueSpecification?.find((each) => each.unitOfMeasure)?.unitOfMeasure }[role] ?? "";
};

async function simulate(main, query, signal) {
  const [{ items: specs }, { items: versions }] = await Promise.all([list(`${OPERATOR}/usageSpecification`, { limit: 100 }, signal), list(`${OPERATOR}/pricePlan`, { limit: 500 }, signal)]);
  if (!specs.length) return fill(main, heading("simulate"), empty("No usage specifications", "Publish a catalog first."));
  const place = h("div", { "aria-live": "polite" }), fields = h("div", { class: "fields" });
  const form = h("form", { class: "card stack", onsubmit: async (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(form)), spec = specs.find((each) => each.id === given.spec), [, plan, version] = /^(.*)\.(\d+)$/.exec(given.plan);
    const characteristics = spec.specCharacteristic.filter((each) => given[`c-${each.name}`]).map((each) => ({ name: each.name,
      "@type": each.valueType === "integer" ? "IntegerCharacteristic" : each.valueType === "number" ? "NumberCharacteristic" : "StringCharacteristic",
      value: ["integer", "number"].includes(each.valueType) ? Number(given[`c-${each.name}`]) : given[`c-${each.name}`] }));
    try {
      const told = await post(`${OPERATOR}/ratingExplanation`, { record: { "@type": "ProductUsage", usageSpecification: { "@type": "ProductUsageSpecificationRef", id: spec.id }, usageCharacteristic: characteristics },
        pricePlan: { id: plan }, planVersion: Number(version) });
      fill(place, h("section", { class: "card", "aria-label": "What it would cost" }, h("h2", {}, "What it would cost"), stepsOf(told)));
    } catch (failure) {
      fill(place, fault(failure));
    }
  } }, h("div", { class: "two" }, controls([
    { name: "plan", label: "Plan", value: query.get("plan") ?? versions[0]?.id, options: versions.map((each) => [each.id, `${each.name}, version ${each.version}`]) },
    { name: "spec", label: "Kind of usage", value: specs[0].id, options: specs.map((each) => [each.id, each.name]) },
  ])), fields, h("div", {}, h("button", { class: "main", type: "submit" }, "Simulate")));
  const describe = () => {
    const spec = specs.find((each) => each.id === form.elements.spec.value);
    fill(fields, controls(spec.specCharacteristic.map((each) => ({ name: `c-${each.name}`, label: capital(word(each.name)), value: guess(spec, each), hint: each.minCardinality ? undefined : "optional" }))));
  };
  form.elements.spec.addEventListener("change", describe);
  describe();
  fill(main, heading("simulate"), form, place);
}

function check(main) {
  const place = h("div", { "aria-live": "polite" }), files = [];
  const listed = h("p", { class: "hint" }), chosen = h("input", { type: "file", id: "files", multiple: true, accept: ".yaml,.yml,.csv" });
  chosen.addEventListener("change", async () => {
    files.splice(0, files.length, ...await Promise.all([...chosen.files].map(async (each) => ({ path: each.webkitRelativePath || each.name, text: await each.text() }))));
    fill(listed, files.map((each) => each.path).join(", "));
  });
  const form = h("form", { class: "card stack", onsubmit: async (event) => {
    event.preventDefault();
    const { path, text } = Object.fromEntries(new FormData(form));
    try {
      const told = await post(`${OPERATOR}/catalogCheck`, { file: [...files, ...(text.trim() ? [{ path, text }] : [])] });
      fill(place, told.status === "good" ? h("p", { class: "told", role: "status" }, "Everything is good: it can be published.") : card("Faults", h("h2", {}, `${count(told.problem.length)} faults`),
        table("Faults", [{ name: "File", of: (each) => h("span", { class: "mono" }, `${each.file}:${each.line}`) }, { name: "Field", of: (each) => h("code", {}, each.field) }, { name: "What", of: (each) => each.message }], told.problem)));
    } catch (failure) {
      fill(place, fault(failure));
    }
  } }, h("p", { class: "muted" }, "Files are held against all rules as if they were published beside those that are. Nothing is published."),
  h("div", {}, h("label", { for: "files" }, "Files"), chosen, listed),
  controls([{ name: "path", label: "Or a file by hand: its path", value: "plans/new-plan.yaml" }, { name: "text", label: "Its text", long: true }]),
  h("div", {}, h("button", { class: "main", type: "submit" }, "Check")));
  fill(main, heading("check"), form, place);
}

export async function show(main, { rest, query, signal }) {
  if (rest[0] === "plans") return plans(main, query, signal);
  if (rest[0] === "simulate") return simulate(main, query, signal);
  return rest[0] === "check" ? check(main) : offerings(main, signal);
}
