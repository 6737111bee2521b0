// Figures, moments and the standard's words, as people read them.

const LOCALE = navigator.language || "en";
const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const exact = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 6 });
const plain = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 2, maximumFractionDigits: 6 });
const fine = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 2 });
const short = new Intl.NumberFormat(LOCALE, { notation: "compact", maximumFractionDigits: 1 });
let moments, days, hours, clock;
const brief = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", timeZone: "UTC" });
const since = new Intl.RelativeTimeFormat(LOCALE, { numeric: "auto" });

/** Have days and hours shown in a time zone: the operator's, so that they are the same as on its bills. */
export function setZone(timeZone) {
  moments = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short", timeZone });
  days = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeZone });
  hours = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit", timeZone });
  clock = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium", timeZone });
}
setZone();

/** What a clock in that zone shows, as a datetime-local control wants it: 2026-06-01T00:00:00. */
export const onTheClock = (at) => clock.format(at).replace(" ", "T");

/** The instant at which a clock in that zone shows so. */
export function instantOf(shown) {
  const wanted = Date.parse(`${shown}Z`);
  let at = wanted;
  for (let round = 0; round < 2; round += 1) at += wanted - Date.parse(`${onTheClock(at)}Z`);
  return new Date(at).toISOString();
}

export const count = (value) => whole.format(value ?? 0);
export const compact = (value) => short.format(value ?? 0);
export const moment = (text) => (text ? moments.format(new Date(text)) : "");
export const day = (text) => (text ? days.format(new Date(text)) : "");
export const hour = (text) => (text ? hours.format(new Date(text)) : "");
export const dayOfUtc = (date) => brief.format(date);

/** Money of version 5 ({unit, value}) or an amount of version 4 ({units, amount}), never rounded away. */
export function money(given) {
  if (!given) return "";
  const [value, unit] = "value" in given ? [given.value, given.unit] : [given.amount, given.units];
  if (/^[A-Z]{3}$/.test(unit ?? "")) {
    return new Intl.NumberFormat(LOCALE, { style: "currency", currency: unit, maximumFractionDigits: 6 }).format(value);
  }
  return `${exact.format(value)} ${unit ?? ""}`.trim();
}

/** A sum of money in whole coins. */
export function coins(value, unit) {
  if (!unit) return plain.format(value);
  return new Intl.NumberFormat(LOCALE, { style: "currency", currency: unit }).format(value);
}

const STEPS = [["second", 60], ["minute", 60], ["hour", 24], ["day", 365], ["year", Infinity]];

/** How long ago, seen from the tenant's now. */
export function ago(text, now = Date.now()) {
  if (!text) return "never";
  let left = (new Date(text) - now) / 1000;
  for (const [unit, size] of STEPS) {
    if (Math.abs(left) < size) return since.format(Math.round(left), unit);
    left /= size;
  }
  return day(text);
}

const UNITS = { message: "SMS", sms: "SMS", "tv-minute": "min of TV" };

/** A quantity in the unit that people use: 3000000000 byte is 3 GB, 125 second is 2:05 min. */
export function quantity(amount, unit) {
  if (unit === "byte") {
    const power = Math.min(4, Math.floor(Math.log10(Math.max(amount, 1)) / 3));
    return `${exact.format(Number((amount / 1000 ** power).toFixed(2)))} ${["B", "kB", "MB", "GB", "TB"][power]}`;
  }
  if (unit === "second") return `${Math.floor(amount / 60)}:${String(Math.round(amount % 60)).padStart(2, "0")} min`;
  return `${fine.format(amount)} ${UNITS[unit] ?? unit ?? ""}`.trim();
}

const WORDS = {
  insufficientCredit: "not enough credit", unknownSubscriber: "nobody held the number then",
  unknownSpecification: "unknown usage specification", productSuspended: "the product is suspended",
  productTerminated: "the product had ended", inFuture: "lies in the future", tooLate: "came too late",
  noPlan: "no price plan was in force", noTariff: "nothing in the plan prices it", noTaxRate: "no tax rate was known",
  unknownReservation: "unknown reservation", invalidRecord: "no longer fits its specification",
  topupBalance: "top-up", notRated: "not rated", onHold: "on hold", partiallyPaid: "partly paid", inProgress: "in progress",
  terminatedWithError: "failed", onCycle: "cycle", offCycle: "off cycle", product_usage: "usage", prepay_balance: "balances",
  customer_bill: "bills", usage_consumption: "consumption", operator: "operator", billing: "billing", tv: "TV", sms: "SMS",
};

/** A word of the standard as people say it. */
export const word = (text) => WORDS[text] ?? String(text ?? "").replace(/([a-z])([A-Z])/g, "$1 $2").replace(/_/g, " ").toLowerCase();
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

const KINDS = {
  good: ["active", "rated", "done", "succeeded", "Succeeded", "completed", "settled", "delivered", "holds", "Active", "Launched", "corrected"],
  warn: ["suspended", "onHold", "failing", "pending", "inProgress", "running", "Running", "partiallyPaid", "acknowledged", "Not Started", "notRated"],
  bad: ["failed", "Failed", "rejected", "dead", "gone", "unreachable", "terminatedWithError", "broken", "cancelled"],
  info: ["validated", "sent", "new", "created", "trial"],
};

/** good, warn, bad, info or nothing: how a status is to be taken. */
export const kind = (status) => Object.keys(KINDS).find((each) => KINDS[each].includes(status)) ?? "";
