// One subscriber: live gauges, what is owed, a timeline, offers, and what can be done.

import { BALANCE, BILLS, CONSUMPTION, OPERATOR, RECOMMENDATION, USAGE, get, list, post, stream } from "../api.js";
import { fill, h } from "../dom.js";
import { capital, day, moment, money, quantity, word } from "../format.js";
import { ask, badge, empty, fault, section, segments, table, toast } from "../parts.js";

const NEAR = 0.8; // of an allowance: from then on it is shown as nearly used

const counter = (bucket, kind) => bucket.bucketCounter?.find((each) => each.level === "global" && each.counterType === kind)?.value ?? { amount: 0 };

/** A bucket as a gauge; its `update` takes the next report's. */
function gauge(bucket) {
  const left = h("span", { class: "left" }), note = h("p", { class: "small muted" }), state = h("span");
  const used = h("i", { class: "used" }), held = h("i", { class: "held" });
  const meter = h("div", { class: "meter", role: "meter", "aria-label": `${bucket.name}, used` }, used, held);
  const card = h("li", { class: "card gauge", "data-bucket": bucket.id }, h("div", { class: "spread" }, h("h3", {}, bucket.name), state), left, meter, note);
  let before;
  card.update = (now) => {
    const amount = Number(counter(now, "used").amount), reserved = Number(now.reservedValue?.amount ?? 0), rest = Number(now.remainingValue?.amount ?? 0);
    const all = amount + reserved + rest, share = all > 0 ? Math.min(1, amount / all) : 0, isMoney = now.usageType === "monetary";
    fill(left, `${now.usageType === "monetary" ? money(now.remainingValue) : (now.remainingValueName ?? "").replace(/ left$/, "")} left`);
    used.style.setProperty("--share", `${share * 100}%`);
    held.style.setProperty("--share", `${all > 0 ? (reserved / all) * 100 : 0}%`);
    used.className = `used ${rest <= 0 && all > 0 ? "out" : share >= NEAR ? "near" : ""}`;
    for (const [name, value] of [["valuemin", 0], ["valuemax", 100], ["valuenow", Math.round(share * 100)], ["valuetext", `${Math.round(share * 100)} % used`]]) {
      meter.setAttribute(`aria-${name}`, value);
    }
    const told = [isMoney ? `${money(counter(now, "used"))} spent` : `${quantity(amount, counter(now, "used").units)} used`, reserved ? `${quantity(reserved, now.reservedValue.units)} reserved` : null,
      now.isShared ? "shared" : null, now.validFor?.endDateTime ? `until ${day(now.validFor.endDateTime)}` : null];
    fill(note, told.filter(Boolean).join(" · "));
    fill(state, now.status === "active" ? "" : badge(now.status));
    const figures = `${amount}/${reserved}/${rest}`;
    if (before !== undefined && before !== figures) {
      card.classList.remove("moved");
      requestAnimationFrame(() => card.classList.add("moved"));
    }
    before = figures;
  };
  card.update(bucket);
  return card;
}

function gauges(subscriber, signal) {
  const live = h("span", { class: "badge" }, "Connecting"), place = h("ul", { class: "gauges" }), cards = new Map();
  const tell = (report) => {
    const buckets = (report.bucket ?? []).filter((each) => each.status !== "expired");
    for (const bucket of buckets) {
      if (cards.has(bucket.id)) cards.get(bucket.id).update(bucket);
      else cards.set(bucket.id, gauge(bucket));
    }
    fill(place, buckets.length ? buckets.map((each) => cards.get(each.id)) : h("li", {}, empty("No buckets", "Everything is charged to the bill.")));
    document.dispatchEvent(new CustomEvent("oxl:report"));
  };
  const state = (isOn) => {
    live.className = `badge ${isOn ? "good live" : "warn"}`;
    fill(live, isOn ? "Live" : "Coming back");
  };
  stream(`${CONSUMPTION}/usageConsumptionReport/live-${encodeURIComponent(subscriber.logicalResource.value)}/stream`, tell, signal, state)
    .catch((failure) => fill(place, fault(failure)));
  return h("section", { class: "stack tight", "aria-label": "Balances and allowances" }, h("div", { class: "spread" }, h("h2", {}, "Balances and allowances"), live), place);
}

// ── the timeline ──

const price = (usage) => {
  const prices = (usage.usageProductPrice ?? []).map((each) => each.price?.taxIncludedAmount).filter((each) => each?.value);
  return prices.length ? money({ unit: prices[0].unit, value: prices.reduce((sum, each) => sum + each.value, 0) }) : "";
};
const begun = (usage) => usage.usageCharacteristic?.find((each) => each.valueType === "date-time" || /start/i.test(each.name))?.value ?? usage.creationDate;

export const usageLine = (usage) => {
  const lines = usage.usageProductPrice ?? [];
  const what = lines.map((each) => `${each.name} ${quantity(each.quantity.amount, each.quantity.units)}`).join(", ");
  const reason = usage.status === "failed" ? `in suspense: ${word(usage.statusReason)}` : lines.some((each) => each.bucket) && !price(usage) ? "included" : "";
  return { at: begun(usage), kind: usage.status === "failed" ? "bad" : "usage", mark: "U", title: capital(word(usage.usageType ?? usage.usageSpecification?.id)),
    text: [what, reason].filter(Boolean).join(" · "), end: price(usage), href: `#/usage/${usage.id}`, group: "usage" };
};

const actionLine = (action) => ({ at: action.confirmationDate ?? action.requestedDate, kind: action.status === "completed" ? "balance" : "bad", mark: "€", group: "balance",
  title: action.description || capital(word(action.adjustType ?? (Number(action.amount?.amount) < 0 ? "debit" : "credit"))),
  text: [word(action.status), action.reason].filter(Boolean).join(" · "), end: action.amount ? money(action.amount) : "" });

const billLine = (bill) => ({ at: bill.billDate, kind: "bill", mark: "B", group: "bill", title: `Bill ${bill.billNo ?? "not numbered"}`, href: `#/bills/${bill.id}`,
  text: `${word(bill.state)} · due ${day(bill.paymentDueDate)}`, end: money(bill.amountDue) });

async function happened(subscriber, limit, signal) {
  const account = subscriber.billingAccount.id, newest = { limit, sort: "-id" };
  const [usages, actions, bills] = await Promise.all([
    list(`${USAGE}/productUsage`, { "product.id": subscriber.id, ...newest }, signal),
    list(`${BALANCE}/balanceActionHistory`, { "partyAccount.id": account, ...newest }, signal),
    list(`${BILLS}/customerBill`, { "billingAccount.id": account, ...newest }, signal),
  ]);
  const entries = [...usages.items.map(usageLine), ...actions.items.map(actionLine), ...bills.items.map(billLine)];
  return { entries: entries.sort((a, b) => (a.at < b.at ? 1 : -1)), more: [usages, actions, bills].some((each) => each.total > each.items.length) };
}

function timeline(subscriber, signal) {
  let group = "all", limit = 15;
  const choice = segments("Show", [["all", "All"], ["usage", "Usage"], ["balance", "Balance"], ["bill", "Bills"]], group, (value) => {
    group = value;
    card.refresh();
  });
  const card = section("Timeline", async () => {
    const { entries, more } = await happened(subscriber, limit, signal);
    const chosen = entries.filter((each) => group === "all" || each.group === group);
    if (!chosen.length) return empty("Nothing yet", "Usage, top-ups and bills appear here as they come.");
    return [h("ol", { class: "timeline" }, chosen.map((each) => h("li", {},
      h("span", { class: `dot ${each.kind}`, "aria-hidden": "true" }, each.mark),
      h("span", {}, each.href ? h("a", { href: each.href }, each.title) : h("strong", {}, each.title)), h("span", { class: "number" }, each.end),
      h("span", { class: "small muted" }, each.text), h("time", { class: "small muted", datetime: each.at }, moment(each.at))))),
    more ? h("p", { class: "more" }, h("button", { type: "button", class: "quiet", onclick: () => {
      limit *= 2;
      card.refresh();
    } }, "Show more")) : null];
  }, { flush: true, tools: [choice] });
  let due;
  const soon = () => {
    clearTimeout(due);
    due = setTimeout(() => !signal.aborted && card.refresh(), 250);
  };
  document.addEventListener("oxl:report", soon, { signal });
  return card;
}

// ── offers ──

function offers(subscriber) {
  const place = h("div", {}, h("p", { class: "muted" }, "What suits them now, from live balances, what they own and what others chose."));
  const look = async () => {
    button.disabled = true;
    try {
      const answer = await post(`${RECOMMENDATION}/queryProductRecommendation`, { instantSyncRecommendation: true, relatedParty: { id: subscriber.party.id } });
      const items = (answer.recommendationItem ?? []).map((each) => offer(each, look));
      fill(place, items.length ? h("ul", {}, items) : empty("Nothing to recommend", "They have what suits them, or do not want to be asked."));
    } catch (failure) {
      fill(place, fault(failure));
    }
    button.disabled = false;
  };
  const button = h("button", { type: "button", onclick: look }, "Recommend");
  return h("section", { class: "card", "aria-label": "Recommendations" }, h("div", { class: "spread" }, h("h2", {}, "Recommendations"), button), place);
}

function offer(item, done) {
  const told = Object.fromEntries((item.product.productCharacteristic ?? []).map((each) => [each.name, each.value]));
  const cost = item.product.productPrice?.[0], name = item.product.name;
  const order = () => ask({ title: `Order ${name}?`, text: `${item.product.description ?? ""} ${cost ? `It costs ${money(cost.price.taxIncludedAmount)}.` : ""}`, fields: [], button: "Order",
    act: async () => {
      await post(`${OPERATOR}/recommendationAcceptance`, { recommendationItem: { id: item.id } });
      done();
      return `${name} is ordered and active.`;
    } });
  return h("li", { class: "offer" }, h("div", { class: "spread" }, h("strong", {}, name), h("span", { class: "number" }, cost ? money(cost.price.taxIncludedAmount) : "")),
    h("p", { class: "small" }, told.reasonText), h("div", { class: "spread" }, h("span", { class: "small muted" }, `${word(told.source)} · score ${told.score}`),
      h("button", { type: "button", class: "quiet", onclick: order }, `Order ${name}`)));
}

// ── what can be done ──

async function moneyBucket(subscriber) {
  const { items } = await list(`${BALANCE}/bucket`, { "partyAccount.id": subscriber.billingAccount.id, usageType: "monetary", limit: 1 });
  return items[0];
}

function actions(subscriber) {
  const currency = subscriber.billingAccount.currency, prepaid = subscriber.billingAccount.kind === "prepaid";
  const amount = (hint) => ({ name: "amount", label: `Amount in ${currency}`, type: "number", step: "any", required: true, hint });
  const moved = (path, button, title, hint, body, told) => h("button", { type: "button", onclick: () => ask({ title, button,
    fields: [amount(hint), { name: "description", label: "Note", placeholder: "optional" }],
    act: async (given) => {
      const bucket = await moneyBucket(subscriber), value = { amount: Number(given.amount), units: currency };
      await post(`${BALANCE}/${path}`, { amount: value, bucket: { id: bucket?.id ?? "none" }, ...(given.description ? { description: given.description } : {}), ...body });
      return told(money(value));
    } }) }, button);
  const bill = () => ask({ title: "Bill now?", text: "A bill of what is owed by now is made within seconds.", fields: [], button: "Bill now", act: async () => {
    const asked = await post(`${BILLS}/customerBillOnDemand`, { billingAccount: { "@type": "BillingAccountRef", id: subscriber.billingAccount.id } });
    billed(asked.id);
    return "The bill is being made.";
  } });
  return h("div", { class: "row" }, prepaid ? [
    moved("topupBalance", "Top up", "Top up the balance", undefined, {}, (value) => `${value} topped up.`),
    moved("adjustBalance", "Adjust", "Adjust the balance", "Below zero takes away, above gives.", { adjustType: "oneTime" }, (value) => `The balance is adjusted by ${value}.`),
    moved("reserveBalance", "Reserve", "Reserve from the balance", "It is held until it is used or let go.", {}, (value) => `${value} reserved.`),
  ] : h("button", { type: "button", onclick: bill }, "Bill now"));
}

/** Wait for a bill that was asked for, and say what came of it. */
async function billed(id) {
  for (let wait = 300; wait < 20_000; wait *= 1.4) {
    const asked = await get(`${BILLS}/customerBillOnDemand/${id}`);
    if (asked.state === "done") {
      document.dispatchEvent(new CustomEvent("oxl:report"));
      return toast("The bill is made.");
    }
    if (asked.state === "rejected") return toast("There is nothing to bill.");
    await new Promise((done) => setTimeout(done, wait));
  }
  return toast("The bill is still being made; it will appear in the timeline.");
}

function owed(subscriber, signal) {
  const card = section("On the next bill", async () => {
    const { items } = await list(`${BILLS}/appliedCustomerBillingRate`, { "billingAccount.id": subscriber.billingAccount.id, isBilled: "false", limit: 50 }, signal);
    const of = (rate, name) => rate.characteristic?.find((each) => each.name === name)?.value;
    return table("What is on the next bill", [
      { name: "What", of: (each) => [each.name, of(each, "zone") ? h("span", { class: "muted" }, ` ${of(each, "zone")}`) : ""] },
      { name: "Used", of: (each) => (of(each, "quantity") ? quantity(of(each, "quantity"), of(each, "unit")) : ""), end: true },
      { name: "Net", of: (each) => money(each.taxExcludedAmount ?? each.taxIncludedAmount), end: true },
    ], items, empty("Nothing owed beyond the fees", ""));
  }, { flush: true });
  document.addEventListener("oxl:report", () => card.refresh(), { signal });
  return card;
}

/** The page of one subscriber. */
export function line(main, subscriber, signal) {
  const account = subscriber.billingAccount;
  document.title = `${subscriber.name} · OXL`;
  fill(main,
    h("div", { class: "spread" },
      h("div", {}, h("p", { class: "small" }, h("a", { href: "#/subscriber" }, "Subscribers")),
        h("h1", {}, subscriber.name || `+${subscriber.logicalResource.value}`),
        h("p", { class: "row muted" }, h("span", { class: "number" }, `+${subscriber.logicalResource.value}`), badge(subscriber.status), subscriber.productOffering?.id,
          (subscriber.addOn ?? []).map((each) => `+ ${each.id}`), h("span", {}, `account ${account.externalId ?? account.id}, ${account.kind}`))),
      actions(subscriber)),
    gauges(subscriber, signal),
    h("div", { class: "aside" }, timeline(subscriber, signal),
      h("div", { class: "stack" }, offers(subscriber), account.kind === "postpaid" ? owed(subscriber, signal) : null)));
}
