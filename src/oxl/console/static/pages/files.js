// Files of usage: taken by drag and drop with progress, and exported by jobs that a worker does.

import { USAGE, address, credentials, fetched, list, post } from "../api.js";
import { fill, h } from "../dom.js";
import { capital, count, moment, word } from "../format.js";
import { ask, badge, empty, every, fault, table, toast } from "../parts.js";

/** Send a file; tell gets the share that is sent. The text of the answer; an Error with the server's sentence otherwise. */
const sent = (file, tell) => new Promise((done, failed) => {
  const request = new XMLHttpRequest();
  request.open("POST", address(`${USAGE}/productUsage/import`));
  request.setRequestHeader("Content-Type", "application/x-ndjson");
  for (const [name, value] of Object.entries(credentials())) request.setRequestHeader(name, value);
  request.upload.addEventListener("progress", (event) => tell(event.total ? event.loaded / event.total : 0));
  request.addEventListener("load", () => {
    if (request.status === 200) return done(request.responseText);
    let message;
    try {
      message = JSON.parse(request.responseText).message;
    } catch {
      message = `the server answered ${request.status}`;
    }
    return failed(Object.assign(new Error(message), { sentence: `${capital(message)}.` }));
  });
  request.addEventListener("error", () => failed(Object.assign(new Error("lost"), { sentence: "The connection was lost. Send the file again: what was taken is a duplicate then." })));
  request.send(file);
});

/** What the lines of an import came to. */
function outcome(text) {
  const lines = text.split("\n").filter(Boolean).map((each) => JSON.parse(each)), sums = new Map();
  for (const each of lines) sums.set(each.outcome, (sums.get(each.outcome) ?? 0) + 1);
  const bad = lines.filter((each) => ["rejected", "failed"].includes(each.outcome)).slice(0, 50);
  return [h("p", { class: "told", role: "status" }, `${count(lines.length)} records: ${[...sums].map(([name, n]) => `${count(n)} ${word(name)}`).join(", ")}.`),
    bad.length ? table("Records that were not rated", [
      { name: "Line", of: (each) => count(each.line), end: true },
      { name: "Came to", of: (each) => badge(each.outcome) },
      { name: "Why", of: (each) => each.message ?? word(each.reason ?? each.code ?? "") },
    ], bad) : null];
}

/** The card that takes a file. */
export function importFile() {
  const place = h("div", { class: "stack" }), input = h("input", { type: "file", id: "file", accept: ".ndjson,.jsonl,.json,.txt" });
  const take = async (file) => {
    const bar = h("progress", { id: "sending", max: 1, value: 0 }), note = h("label", { for: "sending" }, `Sending ${file.name}`);
    fill(place, note, bar);
    try {
      fill(place, outcome(await sent(file, (share) => {
        bar.value = share;
        fill(note, share < 1 ? `Sending ${file.name}: ${Math.round(share * 100)} %` : `Rating ${file.name}`);
      })));
    } catch (failure) {
      fill(place, fault(failure));
    }
    input.value = "";
  };
  input.addEventListener("change", () => input.files[0] && take(input.files[0]));
  const drop = h("div", { class: "drop stack" }, h("div", {}, h("label", { for: "file" }, "Drop a file of usage records here, or choose one"), input),
    h("p", { class: "hint" }, "One ProductUsage a line, as an export job writes them. Sent again, records are duplicates and charged once."));
  for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", over);
      if (name === "drop" && event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
    });
  }
  return h("section", { class: "card stack", "aria-label": "Import" }, drop, place);
}

const FORMATS = [["application/x-ndjson", "NDJSON"], ["application/json", "JSON"], ["text/csv", "CSV"], ["application/vnd.apache.parquet", "Parquet"]];

/** Save the file of a job: fetched with the key, which a plain link would not carry. */
async function download(job) {
  try {
    const answer = await fetched(`${USAGE}/exportJob/${job.id}/content`);
    const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "usage";
    const link = h("a", { href: URL.createObjectURL(await answer.blob()), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  } catch (failure) {
    toast(failure.sentence ?? "The file cannot be had.");
  }
}

/** The card of export jobs, with progress while they run. */
export function exportJobs(signal) {
  const place = h("div"), look = async () => {
    const { items } = await list(`${USAGE}/exportJob`, { sort: "-creationDate", limit: 20 }, signal);
    fill(place, table("Export jobs", [
      { name: "Asked for", of: (each) => moment(each.creationDate) },
      { name: "Filter", of: (each) => h("code", {}, each.query || "everything") },
      { name: "Format", of: (each) => FORMATS.find(([type]) => type === each.contentType)?.[1] ?? each.contentType ?? "JSON" },
      { name: "Status", of: (each) => [badge(each.status), each.errorLog ? h("p", { class: "small muted" }, each.errorLog) : null,
        each.status === "Running" ? h("progress", { max: each.recordTotal || 1, value: each.recordCount ?? 0, "aria-label": "Progress" }) : null] },
      { name: "Records", of: (each) => count(each.recordCount ?? 0), end: true },
      { name: "File", of: (each) => (each.status === "Succeeded" ? h("button", { type: "button", class: "quiet", onclick: () => download(each) }, "Download") : "") },
    ], items, empty("No exports yet", "Ask for one: a worker writes it while you do something else.")));
  };
  const start = h("button", { type: "button", class: "main", onclick: () => ask({ title: "Export usage records", button: "Export", fields: [
    { name: "query", label: "Filter, as in the API", placeholder: "status=rated&usageType=voice", hint: "Empty: everything." },
    { name: "contentType", label: "Format", options: FORMATS },
  ], act: async (given) => {
    await post(`${USAGE}/exportJob`, { ...(given.query ? { query: given.query } : {}), contentType: given.contentType });
    await look();
    return "The export has been asked for.";
  } }) }, "New export");
  look().catch((failure) => fill(place, fault(failure)));
  every(1, look, signal);
  return h("section", { class: "card flush", "aria-label": "Export jobs" }, h("div", { class: "spread" }, h("h2", {}, "Export jobs"), start), place);
}
