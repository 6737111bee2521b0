// The shell: which page is shown, where the focus is, light or dark, and the page for a key where one is needed.

import { fill, h, icon } from "./dom.js";
import { OPERATOR, get, key, setKey } from "./api.js";
import { setZone } from "./format.js";
import { fault } from "./parts.js";

const PAGES = [
  ["overview", "Overview", () => import("./pages/overview.js")],
  ["subscriber", "Subscriber", () => import("./pages/subscriber.js")],
  ["usage", "Usage", () => import("./pages/usage.js")],
  ["bills", "Bills", () => import("./pages/bills.js")],
  ["catalog", "Catalog", () => import("./pages/catalog.js")],
  ["events", "Events", () => import("./pages/events.js")],
  ["api", "API", () => import("./pages/contracts.js")],
  ["sandbox", "Sandbox", () => import("./pages/sandbox.js")],
];
const main = document.getElementById("main");
let life = new AbortController();

const place = () => {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/").map(decodeURIComponent);
  return { name: name || "overview", rest, query: new URLSearchParams(query) };
};

function navigation() {
  fill(document.getElementById("pages"), PAGES.map(([name, title]) =>
    h("li", {}, h("a", { href: name === "overview" ? "#/" : `#/${name}`, "data-page": name }, icon(name), title))));
}

let zoned;

/** The operator's time zone, asked for once; a page tells of a failure better than this does. */
const inZone = () => (zoned ??= get(`${OPERATOR}/sandbox/sandbox`).then((told) => setZone(told.timeZone)).catch(() => {
  zoned = undefined;
}));

async function show(moved) {
  life.abort();
  life = new AbortController();
  for (const box of document.querySelectorAll("dialog[open]")) box.close();
  const { name, rest, query } = place(), { signal } = life;
  const [, title, load] = PAGES.find(([each]) => each === name) ?? [null, "Not found", null];
  for (const link of document.querySelectorAll("[data-page]")) {
    if (link.dataset.page === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${title} · OXL`;
  document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  if (!load) return fill(main, h("h1", {}, "There is no such page"), h("p", {}, h("a", { href: "#/" }, "To the overview")));
  try {
    const [page] = await Promise.all([load(), inZone()]);
    if (!signal.aborted) await page.show(main, { rest, query, signal, go });
  } catch (failure) {
    if (!signal.aborted) fill(main, h("h1", {}, title), fault(failure));
  }
  if (moved && !signal.aborted) {
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

/** Go to a page of the console. */
function go(hash) {
  location.hash = hash;
}

let locked = false;

/** The page for a key: shown as soon as an API says that it needs one. */
function lock() {
  if (locked) return;
  locked = true;
  life.abort();
  const wrong = key() ? h("p", { class: "fault", role: "alert" }, "The key or token was not accepted.") : null;
  setKey("");
  const input = h("input", { id: "key", type: "password", autocomplete: "off", spellcheck: "false", required: true });
  const form = h("form", { class: "card stack", onsubmit: (event) => {
    event.preventDefault();
    locked = false;
    setKey(input.value.trim());
    tools();
    show(true);
  } }, h("h1", {}, "Who are you?"),
  h("p", { class: "muted" }, "Paste an API key or an access token. It stays in this tab and goes when you close it."),
  wrong, h("div", {}, h("label", { for: "key" }, "Key or token"), input),
  h("button", { class: "main", type: "submit" }, "Open the console"),
  h("p", { class: "hint" }, "An operator makes keys: ", h("code", {}, "oxl key create NAME --role operator")));
  fill(main, h("div", { class: "locked" }, form));
  document.title = "Key · OXL";
  input.focus();
}

function tools() {
  const modes = ["auto", "light", "dark"];
  const now = () => localStorage.getItem("oxl.theme") ?? "auto";
  const theme = h("button", { type: "button", class: "quiet", onclick: () => {
    const next = modes[(modes.indexOf(now()) + 1) % modes.length];
    localStorage.setItem("oxl.theme", next);
    paint();
    fill(theme, icon("theme"), `Theme: ${next}`);
  } }, icon("theme"), `Theme: ${now()}`);
  const leave = key() ? h("button", { type: "button", class: "quiet", onclick: () => {
    setKey("");
    location.reload();
  } }, icon("leave"), "Forget key") : null;
  fill(document.getElementById("tools"), h("a", { href: "docs" }, "Documentation"), theme, leave);
}

function paint() {
  const theme = localStorage.getItem("oxl.theme") ?? "auto";
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

document.addEventListener("oxl:locked", lock);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", () => {
  if (!locked) show(true);
});
paint();
navigation();
tools();
show(false);
