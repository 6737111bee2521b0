// Subscriber: find one by number, name or account, and everything that is theirs on one page.

import { OPERATOR, get, list } from "../api.js";
import { fill, h } from "../dom.js";
import { word } from "../format.js";
import { badge, controls, empty, fault, shown, table } from "../parts.js";
import { line } from "./line.js";

/** The filters that a search may mean, the most telling first. */
function meanings(text) {
  const digits = text.replace(/[\s()/+-]/g, "");
  if (/^\d{6,}$/.test(digits)) return [{ "logicalResource.value": digits }];
  if (/^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(text)) return [{ id: text }, { "billingAccount.id": text }];
  const plain = text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return [{ externalId: text }, { "billingAccount.externalId": text }, { "name.regex": `(?i)${plain}` }];
}

async function found(text, signal) {
  const asked = meanings(text).map((filter) => list(`${OPERATOR}/subscriber`, { ...filter, limit: 25 }, signal));
  const seen = new Map();
  let total = 0;
  const answers = await Promise.allSettled(asked), told = answers.filter((each) => each.value);
  if (!told.length) throw answers[0].reason; // one that took too long does not hide what the others found
  for (const { value } of told) {
    total += value.total;
    for (const each of value.items) seen.set(each.id, each);
  }
  return { items: [...seen.values()], total };
}

const rows = (items) => table("Subscribers", [
  { name: "Name", of: (each) => h("a", { href: `#/subscriber/${each.id}` }, each.name || each.logicalResource.value) },
  { name: "Number", of: (each) => h("span", { class: "number" }, `+${each.logicalResource.value}`) },
  { name: "Offering", of: (each) => each.productOffering?.id ?? "" },
  { name: "Account", of: (each) => `${each.billingAccount.externalId ?? each.billingAccount.id} (${word(each.billingAccount.kind)})` },
  { name: "Status", of: (each) => badge(each.status) },
], items, empty("Nobody found", "Try a number such as 4915550000001, the beginning of a name, or an account."));

export async function show(main, { rest, query, signal, go }) {
  if (rest[0]) return line(main, await get(`${OPERATOR}/subscriber/${encodeURIComponent(rest[0])}`, {}, signal), signal);
  const asked = query.get("q") ?? "", place = h("div");
  const form = h("form", { class: "card", role: "search", onsubmit: (event) => {
    event.preventDefault();
    go(`#/subscriber?q=${encodeURIComponent(form.elements.q.value.trim())}`);
  } }, controls([{ name: "q", label: "Number, name, or account", value: asked, placeholder: "4915550000001" }]));
  const button = h("button", { class: "main", type: "submit" }, "Search");
  const input = form.querySelector("input");
  const beside = h("div", { class: "search" });
  input.replaceWith(beside);
  beside.append(input, button);
  fill(main, h("h1", {}, "Subscriber"), form, place);
  try {
    const { items, total } = asked ? await found(asked, signal) : await list(`${OPERATOR}/subscriber`, { limit: 10 }, signal);
    if (asked && items.length === 1) return go(`#/subscriber/${items[0].id}`);
    fill(place, h("section", { class: "card flush", "aria-label": "Found" }, h("h2", {}, asked ? `Found for “${asked}”` : "Some to begin with"),
      rows(items), items.length ? shown(items, Math.max(total, items.length)) : null));
  } catch (failure) {
    fill(place, fault(failure));
  }
}
