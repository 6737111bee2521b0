// API: the contracts in Swagger UI, tried with the key of this tab, and every request to take along as curl and Python.

import { address, get, key } from "../api.js";
import { fill, h } from "../dom.js";
import { toast } from "../parts.js";

/** Load a script or style of the documentation pages, once. */
function loaded(tag, attributes) {
  const found = document.querySelector(`${tag}[data-docs="${attributes.src ?? attributes.href}"]`);
  if (found) return found.done;
  const node = h(tag, { ...attributes, "data-docs": attributes.src ?? attributes.href });
  node.done = new Promise((done, failed) => {
    node.addEventListener("load", done);
    node.addEventListener("error", () => failed(new Error("the documentation cannot be loaded")));
  });
  document.head.append(node);
  return node.done;
}

const quoted = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;

/** A request as a curl command; the key is a variable, so that it is not passed around. */
export function curl({ url, method, headers = {}, body }) {
  const told = Object.entries(headers).filter(([name]) => !/^authorization$/i.test(name)).map(([name, value]) => `  -H ${quoted(`${name}: ${value}`)}`);
  if (key()) told.push('  -H "Authorization: Bearer $OXL_KEY"');
  return [`curl -X ${method ?? "GET"} ${quoted(url)}`, ...told, ...(body ? [`  -d ${quoted(body)}`] : [])].join(" \\\n");
}

/** A value as Python writes it. */
function literal(value) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}: ${literal(each)}`).join(", ")}}`;
  return JSON.stringify(value);
}

/** The same with the Python client. */
export function python({ url, method, body }) {
  const to = new URL(url), told = [...to.searchParams].length ? `, query=${literal(Object.fromEntries(to.searchParams))}` : "";
  const sent = body ? `, body=${literal(JSON.parse(body))}` : "", auth = key() ? ', key=os.environ["OXL_KEY"]' : "";
  const root = new URL(document.baseURI).href.replace(/[/]$/, "");
  return [...(key() ? ["import os", ""] : []), "from oxl.client import Client", "", `with Client(${JSON.stringify(root)}${auth}) as client:`,
    `    print(client.ask(${JSON.stringify(method ?? "GET")}, ${JSON.stringify(decodeURIComponent(url.split("?")[0].slice(root.length)))}${told}${sent}))`].join("\n");
}

function copy(name, of) {
  return h("button", { type: "button", disabled: true, onclick: async () => {
    try {
      await navigator.clipboard.writeText(of());
      toast(`Copied as ${name}.`);
    } catch {
      toast("The browser does not allow copying; select the text instead.");
    }
  } }, `Copy as ${name}`);
}

export async function show(main, { rest, signal, go }) {
  const apis = await get("", {}, signal), chosen = apis.find((each) => each.id === rest[0] && !each.href.endsWith("/v4")) ?? apis.find((each) => each.href.endsWith(rest.join("/"))) ?? apis[0];
  const base = new URL(chosen.href, document.baseURI).pathname.replace(/^\//, "").replace(new URL(document.baseURI).pathname.slice(1), "");
  let last;
  const buttons = [copy("curl", () => curl(last)), copy("Python", () => python(last))], told = h("pre", { class: "code", tabindex: "0", "aria-label": "The last request" }, "Try something out below: the request stands here then.");
  const choice = h("select", { id: "contract", onchange: () => go(`#/api/${choice.value.replace(/^\/+/, "")}`) }, apis.map((each) => {
    const path = new URL(each.href, document.baseURI).pathname;
    return h("option", { value: path, selected: each === chosen }, `${each.id} ${each.name} ${each.version}`);
  }));
  const place = h("div", { class: "swagger", id: "swagger" });
  fill(main, h("h1", {}, "API"), h("section", { class: "card stack", "aria-label": "Contract" }, h("div", {}, h("label", { for: "contract" }, "Contract"), choice),
    h("div", { class: "row" }, h("a", { href: address(`${base}/openapi.json`).href, target: "_blank", rel: "noreferrer" }, "openapi.json"), buttons), told),
  h("section", { class: "card", "aria-label": "Contract in Swagger UI" }, place));
  await Promise.all([loaded("link", { rel: "stylesheet", href: address(`${base}/docs/swagger-ui.css`).href }), loaded("script", { src: address(`${base}/docs/swagger-ui-bundle.js`).href })]);
  if (signal.aborted) return;
  globalThis.SwaggerUIBundle({ url: address(`${base}/openapi.json`).href, domNode: place, deepLinking: false, validatorUrl: null, docExpansion: "list", defaultModelsExpandDepth: -1,
    requestInterceptor: (request) => {
      if (key()) request.headers.Authorization = `Bearer ${key()}`;
      if (!request.loadSpec) {
        last = { ...request, headers: { ...request.headers } };
        fill(told, curl(last));
        for (const each of buttons) each.disabled = false;
      }
      return request;
    } });
}
