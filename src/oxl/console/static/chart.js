// Charts over time as SVG: drawn in the page's own colours, read aloud as a table, with no library to load.

import { h, svg, fill } from "./dom.js";
import { compact } from "./format.js";

const HEIGHT = 190, LEFT = 44, BOTTOM = 22, TOP = 8;

/** The least round number from a list of 1, 2, 2.5, 5 times a power of ten that is not below a value. */
export function roundUp(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= value * 0.9999);
}

function drawn(width, { steps, series, show }, tell) {
  const sums = steps.map((_, n) => series.reduce((sum, each) => sum + Math.max(0, each.values[n]), 0));
  const top = roundUp(Math.max(...sums, 0));
  const inner = Math.max(40, width - LEFT), tall = HEIGHT - BOTTOM - TOP, wide = inner / steps.length;
  const y = (value) => TOP + tall - (value / top) * tall;
  const lines = [0, 0.5, 1].map((share) =>
    svg("g", {},
      svg("line", { class: "gridline", x1: LEFT, x2: width, y1: y(top * share), y2: y(top * share) }),
      svg("text", { x: LEFT - 8, y: y(top * share) + 4, "text-anchor": "end" }, compact(top * share))));
  const every = Math.max(1, Math.ceil(steps.length / Math.max(2, Math.floor(inner / 74))));
  const columns = steps.map((step, n) => {
    let base = 0;
    const bars = series.map((each, place) => {
      const value = Math.max(0, each.values[n]);
      if (!value) return null;
      const bar = svg("rect", { class: `s${place % 6}`, x: LEFT + n * wide + wide * 0.14, width: Math.max(1, wide * 0.72),
        y: y(base + value), height: Math.max(1, y(base) - y(base + value)), rx: Math.min(2, wide / 6) });
      base += value;
      return bar;
    });
    const label = n % every ? null
      : svg("text", { x: LEFT + n * wide + wide / 2, y: HEIGHT - 5, "text-anchor": "middle" }, step);
    const told = () => tell(`${step}: ${series.map((each) => `${each.name} ${show(each.values[n])}`).join(" · ")}`);
    return svg("g", { class: "step", onmouseenter: told },
      svg("rect", { class: "column", x: LEFT + n * wide, y: TOP, width: wide, height: tall }), bars, label);
  });
  return svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, "aria-hidden": "true", onmouseleave: () => tell("") }, lines, columns);
}

function tabled({ title, steps, series, show }) {
  return h("table", {}, h("caption", {}, title),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "When"), series.map((each) => h("th", { scope: "col" }, each.name)))),
    h("tbody", {}, steps.map((step, n) =>
      h("tr", {}, h("th", { scope: "row" }, step), series.map((each) => h("td", {}, show(each.values[n])))))));
}

/**
 * Stacked columns: {title, total, steps: [label], series: [{name, values}], show: value → text}.
 * The card's `update` takes new data of the same shape.
 */
export function chart(data) {
  const place = h("div", { class: "chart" }), readout = h("p", { class: "readout", "aria-hidden": "true" });
  const key = h("p", { class: "key" }), figure = h("p", { class: "number muted" }), hidden = h("div", { class: "unseen" });
  const card = h("section", { class: "card chart-card", "aria-label": data.title },
    h("div", { class: "spread" }, h("h2", {}, data.title), figure), place, h("div", { class: "legend" }, key, readout), hidden);
  let width = 0;
  const draw = () => width && fill(place, drawn(width, data, (text) => fill(readout, text)));
  new ResizeObserver(([entry]) => {
    width = Math.round(entry.contentRect.width);
    draw();
  }).observe(place);
  card.update = (fresh) => {
    data = fresh;
    fill(figure, data.total);
    fill(key, data.series.length > 1 ? data.series.map((each, n) => h("span", {}, h("i", { class: `s${n % 6}` }), each.name)) : []);
    fill(hidden, data.series.length ? tabled(data) : []);
    draw();
  };
  card.update(data);
  return card;
}
