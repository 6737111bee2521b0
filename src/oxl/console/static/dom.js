// Elements without a template language: text is text, never markup, so nothing that an API says can become a script.

const SVG = "http://www.w3.org/2000/svg";

function furnish(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value" && "value" in node) node.value = value;
    else node.setAttribute(name === "className" ? "class" : name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((each) => each !== undefined && each !== null && each !== false));
  return node;
}

/** An element: h("a", {href: "#/"}, "home"). on… are listeners; undefined, null and false are left out. */
export const h = (tag, attributes, ...children) => furnish(document.createElement(tag), attributes, children);

/** The same of SVG. */
export const svg = (tag, attributes, ...children) => furnish(document.createElementNS(SVG, tag), attributes, children);

/** Replace what is in a node. */
export function fill(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter((each) => each !== undefined && each !== null && each !== false));
  return node;
}

const ICONS = {
  overview: "M3 12h4l3-8 4 16 3-8h4",
  subscriber: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-8 9c.6-4 3.8-6 8-6s7.4 2 8 6",
  usage: "M5 20V10m5 10V4m5 16v-7m5 7V8",
  bills: "M6 3h12v18l-3-2-3 2-3-2-3 2ZM9 8h6m-6 4h6",
  catalog: "M4 6l8-3 8 3-8 3Zm0 6l8 3 8-3M4 17l8 3 8-3",
  events: "M4 12a8 8 0 0 1 8-8m-4 8a4 4 0 0 1 4-4m0 5a1 1 0 1 0 0-2 1 1 0 0 0 0 2Zm0 7a8 8 0 0 0 8-8m-8 4a4 4 0 0 0 4-4",
  api: "M8 6l-5 6 5 6m8-12 5 6-5 6M14 4l-4 16",
  sandbox: "M12 7v5l3 2m6-2a9 9 0 1 1-9-9 9 9 0 0 1 9 9Z",
  theme: "M20 14A8 8 0 1 1 10 4a6.5 6.5 0 0 0 10 10Z",
  leave: "M14 4h5v16h-5M4 12h11m-4-4 4 4-4 4",
};

/** A small picture that says nothing to a screen reader. */
export const icon = (name) => svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
