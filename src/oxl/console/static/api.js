// The public APIs, as any client sees them. A failure is a TMF Error, told as a sentence.

export const USAGE = "tmf-api/productUsageManagement/v5";
export const BALANCE = "tmf-api/prepayBalanceManagement/v4";
export const CONSUMPTION = "tmf-api/usageConsumption/v5";
export const BILLS = "tmf-api/customerBillManagement/v5";
export const RECOMMENDATION = "tmf-api/recommendationManagement/v4";
export const OPERATOR = "oxl/v1";
export const BILLING = "oxl/billing/v1";

const KEY = "oxl.key";

/** The key or token that this tab has been given; it goes with the tab. */
export const key = () => sessionStorage.getItem(KEY) ?? "";

export function setKey(text) {
  if (text) sessionStorage.setItem(KEY, text);
  else sessionStorage.removeItem(KEY);
}

/** Why something was not done: status, code, message of the TMF Error, and the attribute at fault. */
export class Failure extends Error {
  constructor(status, error) {
    super(error.message ?? error.reason ?? "It could not be done.");
    this.status = status;
    this.code = error.code ?? String(status);
    this.field = /^([\w.[\]]+): /.exec(this.message)?.[1] ?? "";
  }

  /** The message as a person would say it. */
  get sentence() {
    const text = this.field ? this.message.slice(this.field.length + 2) : this.message;
    const said = text.charAt(0).toUpperCase() + text.slice(1);
    return /[.!?…]$/.test(said) ? said : `${said}.`;
  }
}

/** The address of a path; parameters that are empty are left out. */
export function address(path, parameters = {}) {
  const url = new URL(path, document.baseURI);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.append(name, value);
  }
  return url;
}

/** The headers of every request. */
export const credentials = () => (key() ? { Authorization: `Bearer ${key()}` } : {});

async function failed(answer) {
  const error = await answer.json().catch(() => ({ message: `the server answered ${answer.status}` }));
  if (answer.status === 401) document.dispatchEvent(new CustomEvent("oxl:locked"));
  return new Failure(answer.status, error);
}

/** Ask, and get the answer as it is; Failure when it is none. */
export async function fetched(path, { method = "GET", parameters, headers, body, signal } = {}) {
  let answer;
  try {
    answer = await fetch(address(path, parameters), { method, headers: { ...credentials(), ...headers }, body, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure(0, { code: "unreachable", message: "the server cannot be reached; it is tried again by itself" });
  }
  if (!answer.ok) throw await failed(answer);
  return answer;
}

/** One document. */
export async function get(path, parameters, signal) {
  return (await fetched(path, { parameters, signal })).json();
}

/** The cursors that a Link header leads to: {next: {after: …}, prev: {before: …}}. */
function cursors(header) {
  const found = [...(header ?? "").matchAll(/<([^>]*)>; rel="(\w+)"/g)].map(([, href, relation]) => {
    const given = new URL(href, document.baseURI).searchParams;
    return [relation, Object.fromEntries(["after", "before"].filter((name) => given.has(name)).map((name) => [name, given.get(name)]))];
  });
  return Object.fromEntries(found);
}

/** A list: its items, how many there are in all, whether that is an estimate, and the cursors of the pages beside it. */
export async function list(path, parameters, signal) {
  const answer = await fetched(path, { parameters, signal });
  return {
    items: await answer.json(),
    total: Number(answer.headers.get("X-Total-Count") ?? 0),
    estimated: answer.headers.get("X-Total-Count-Estimated") === "true",
    beside: cursors(answer.headers.get("Link")),
  };
}

function unique() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Have something done once, however often it has to be sent. */
export async function post(path, body, { method = "POST", type = "application/json" } = {}) {
  const headers = { "Content-Type": type, "Idempotency-Key": unique() };
  for (let tries = 2; ; tries -= 1) {
    try {
      const answer = await fetched(path, { method, headers, body: JSON.stringify(body) });
      return answer.status === 204 ? null : answer.json();
    } catch (failure) {
      if (![0, 503].includes(failure.status) || !tries) throw failure;
      await new Promise((done) => setTimeout(done, 400));
    }
  }
}

/** Server-sent events of a path until the signal aborts; comes back by itself, with where it was. */
export async function stream(path, tell, signal, state = () => {}) {
  let last = "";
  while (!signal.aborted) {
    try {
      const headers = { Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) };
      const answer = await fetched(path, { headers, signal });
      state(true);
      let held = "";
      for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
        const events = (held + part).split("\n\n");
        held = events.pop();
        for (const event of events) {
          const fields = Object.fromEntries(event.split("\n").map((line) => [line.split(":")[0], line.slice(line.indexOf(":") + 2)]));
          if (fields.id) last = fields.id;
          if (fields.data) tell(JSON.parse(fields.data));
        }
      }
    } catch (failure) {
      if (signal.aborted) return;
      if ([401, 403, 404].includes(failure.status)) throw failure;
    }
    state(false);
    await new Promise((done) => setTimeout(done, 1000));
  }
}
