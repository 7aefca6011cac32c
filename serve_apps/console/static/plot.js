// Plots in SVG: a metric's past, its forecast with the 80% and 95% bands, its thresholds and its warnings.

import { fill, h } from "./dom.js";
import { clock, quantity } from "./format.js";
import { area, line, range, runs, ticks, timeTicks } from "./scale.js";
import { bandOf } from "./series.js";

const SPARK = { width: 240, height: 60, left: 0, right: 0, top: 2, bottom: 2 };
const PLOT = { height: 340, left: 52, right: 10, top: 22, bottom: 26 };
const EARLIER_GAP = 6; // steps between two forecasts beyond which what was said is not joined
const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -12, PageUp: 12 };

/** An SVG element with attributes and children. */
export function s(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== undefined) node.setAttribute(name, value);
  node.append(...children.flat(Infinity).filter(Boolean));
  return node;
}

function places(series, box) {
  const all = [...series.past, ...series.ahead];
  const reach = range(series);
  const [from, to] = all.length ? [all[0].at, Math.max(...all.map((one) => one.at))] : [Date.now() - 3_600_000, Date.now()];
  const [width, height] = [box.width - box.left - box.right, box.height - box.top - box.bottom];
  return {
    ...reach, from, to,
    x: (at) => box.left + (width * (at - from)) / Math.max(to - from, 1),
    y: (value) => box.top + height * (1 - (Math.min(Math.max(value, reach.low), reach.high) - reach.low) / (reach.high - reach.low)),
  };
}

/** What a spark and a plot have in common, drawn from back to front. */
function marks(series, at) {
  const place = (name) => (one) => [at.x(one.at), at.y(one[name])];
  const band = (share) => area(series.ahead.map(place(`upper_${share}`)), series.ahead.map(place(`lower_${share}`)));
  const rows = runs(series.past, series.step_ms);
  const said = runs(series.earlier, EARLIER_GAP * series.step_ms).filter((row) => row.length > 1);
  return [
    s("path", { class: "band earlier", d: said.map((row) => area(row.map(place("upper_80")), row.map(place("lower_80")))).join("") }),
    s("path", { class: "median earlier", d: said.map((row) => line(row.map(place("value")))).join("") }),
    s("path", { class: "band wide", d: band(95) }),
    s("path", { class: "band", d: band(80) }),
    at.shown.map(({ name, value }) => s("path", { class: `threshold ${name}`, d: line([[at.x(at.from), at.y(value)], [at.x(at.to), at.y(value)]]) })),
    s("path", { class: "spread", d: rows.map((row) => area(row.map(place("high")), row.map(place("low")))).join("") }),
    s("path", { class: "median", d: line(series.ahead.map(place("value"))) }),
    s("path", { class: "past", d: rows.map((row) => line(row.length > 1 ? row.map(place("value")) : [place("value")(row[0]), place("value")({ ...row[0], at: row[0].at + series.step_ms / 4 })])).join("") }),
  ];
}

/** A small plot without words; what it says must stand beside it. */
export function spark(series) {
  return s("svg", { class: "plot spark", viewBox: `0 0 ${SPARK.width} ${SPARK.height}`, preserveAspectRatio: "none", "aria-hidden": "true" }, marks(series, places(series, SPARK)));
}

/** A large plot with axes and a readout, by pointer and by keyboard; {node, show(series)}. */
export function plot() {
  const svg = s("svg", { class: "plot", tabindex: 0, role: "slider", "aria-orientation": "horizontal" });
  const readout = h("p", { class: "readout" });
  const beyond = h("p", { class: "quiet beyond" });
  const table = h("details", {});
  const node = h("figure", { class: "plotted" }, readout, svg, legend(), beyond, table);
  let [series, at, moments, chosen] = [null, null, [], null];

  function draw() {
    if (!series || !svg.clientWidth) return;
    const box = { ...PLOT, width: svg.clientWidth, height: svg.clientHeight || PLOT.height };
    at = places(series, box);
    fill(svg, axes(series, at, box), marks(series, at), words(series, at, box), s("g", { class: "cursor" }));
    fill(beyond, at.beyond.length ? `Outside of this range: ${at.beyond.map(({ name, value, isAbove }) => `${name} at ${quantity(value, series.unit)} (${isAbove ? "above" : "below"})`).join(", ")}.` : "");
    point();
  }

  function point() {
    if (!moments.length) return;
    const isChosen = chosen !== null;
    const place = Math.max(0, isChosen ? moments.findIndex((one) => one.at >= chosen) : moments.findLastIndex((one) => one.past));
    const one = moments[place];
    const said = told(series, one);
    fill(readout, h("b", {}, said[0]), said.slice(1).map((part) => h("span", {}, part)));
    for (const [name, value] of [["min", 0], ["max", moments.length - 1], ["now", place], ["text", said.join(", ")]]) svg.setAttribute(`aria-value${name}`, value);
    const x = at.x(one.at);
    fill(svg.querySelector(".cursor"), isChosen && s("path", { d: `M${x},${PLOT.top}V${svg.clientHeight - PLOT.bottom}` }),
      one.past && s("circle", { class: "dot", cx: x, cy: at.y(one.past.value), r: 3.5 }),
      isChosen && one.ahead && s("circle", { class: "dot foreseen", cx: x, cy: at.y(one.ahead.value), r: 3.5 }));
  }

  function choose(place) {
    chosen = moments[Math.min(moments.length - 1, Math.max(0, place))]?.at ?? null;
    point();
  }

  const nearest = (event) => {
    if (!at) return;
    const x = event.clientX - svg.getBoundingClientRect().left;
    const gaps = moments.map((one) => Math.abs(at.x(one.at) - x));
    choose(gaps.indexOf(Math.min(...gaps)));
  };
  const leave = () => { chosen = null; if (at) point(); };
  svg.addEventListener("pointermove", nearest);
  svg.addEventListener("pointerdown", nearest);
  svg.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") leave(); });
  svg.addEventListener("blur", leave);
  svg.addEventListener("keydown", (event) => {
    const now = Number(svg.getAttribute("aria-valuenow"));
    const target = event.key in STEPS ? now + STEPS[event.key] : event.key === "Home" ? 0 : event.key === "End" ? moments.length - 1 : null;
    if (event.key === "Escape") leave();
    if (target === null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    choose(target);
  });
  new ResizeObserver(draw).observe(svg);

  return {
    node,
    show(next) {
      series = next;
      moments = merged(next);
      svg.setAttribute("aria-label", `${next.key} over time; arrow keys read its values`);
      const isOpen = table.open;
      fill(table, h("summary", {}, "The values as a table"), asTable(next, moments));
      table.open = isOpen;
      draw();
    },
  };
}

function merged({ past, ahead }) {
  const moments = new Map();
  for (const one of past) moments.set(one.at, { at: one.at, past: one });
  for (const one of ahead) moments.set(one.at, { ...moments.get(one.at), at: one.at, ahead: one });
  return [...moments.values()].sort((one, other) => one.at - other.at);
}

function told({ metric, unit }, { at, past, ahead }) {
  const band = past ? bandOf(metric, past.value) : "";
  return [clock(at).replace(/:\d\d$/, (end) => (clock(at).length === 8 ? "" : end)),
    past && `${quantity(past.value, unit)}${band ? `, ${band}` : ""}`,
    ahead && `forecast ${quantity(ahead.value, unit)}`,
    ahead && `80%: ${quantity(ahead.lower_80)} to ${quantity(ahead.upper_80)}`,
    ahead && `95%: ${quantity(ahead.lower_95)} to ${quantity(ahead.upper_95)}`].filter(Boolean);
}

function axes(series, at, box) {
  const bottom = box.height - box.bottom;
  return [
    ticks(at.low, at.high, Math.max(2, Math.floor(box.height / 55))).map((value) => [
      s("path", { class: "grid", d: `M${box.left},${at.y(value)}H${box.width - box.right}` }),
      s("text", { class: "tick", x: box.left - 7, y: at.y(value) + 4, "text-anchor": "end" }, quantity(value))]),
    timeTicks(at.from, at.to, Math.max(2, Math.floor(box.width / 70))).map((time) => s("text", { class: "tick", x: Math.min(Math.max(at.x(time), 20), box.width - 20), y: bottom + 18, "text-anchor": "middle" }, timeWord(time))),
    s("text", { class: "tick", x: 0, y: 12 }, series.unit),
  ];
}

/** A tick of a time axis: the hour, at midnight the day. */
export function timeWord(at) {
  const then = new Date(at);
  if (then.getHours() === 0 && then.getMinutes() === 0) return then.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return then.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

/** Labels of the thresholds, of where the forecast begins, and the warnings as flags on top. */
function words(series, at, box) {
  const bottom = box.height - box.bottom;
  const start = series.ahead.length ? at.x(series.ahead[0].at) : null;
  return [
    start !== null && s("path", { class: "start", d: `M${start},${box.top}V${bottom}` }),
    at.shown.map(({ name, value }) => s("text", { class: `label ${name}`, x: box.left + 6, y: at.y(value) + (at.y(value) < box.top + 16 ? 14 : -5) }, `${name} ${quantity(value, series.unit)}`)),
    series.warnings.map((warning) => [Date.parse(warning.opened_at), warning]).filter(([opened]) => opened >= at.from && opened <= at.to).map(([opened, warning]) =>
      s("g", { class: `flag ${warning.status}` }, s("title", {}, `Warning of ${clock(warning.opened_at)}: ${warning.status.replace("_", " ")}`),
        s("path", { class: "pole", d: `M${at.x(opened)},${box.top}V${bottom}` }), s("path", { class: "cloth", d: `M${at.x(opened) - 6},${box.top - 12}h12l-6,11z` }))),
  ];
}

/** What the lines and colours mean; a spark has no flags. */
export function legend({ hasFlags = true } = {}) {
  const entry = (name, text) => h("li", {}, h("i", { class: name }), text);
  return h("ul", { class: "legend" }, entry("past", "what happened (mean, lowest to highest)"), entry("median", "forecast"), entry("band", "80%"), hasFlags && entry("median earlier", "what was forecast for then, an hour or so before (80%)"), entry("band wide", "95% of outcomes"), entry("threshold warning", "warning threshold"), entry("threshold critical", "critical threshold"), hasFlags && entry("cloth", "Grace warned"));
}

function asTable({ key, unit }, moments) {
  const cell = (value) => h("td", {}, value === undefined ? "" : quantity(value));
  return h("div", { class: "scroller", tabindex: 0, role: "region", "aria-label": `Values of ${key}` }, h("table", { class: "values" },
    h("caption", { class: "unseen" }, `${key} in ${unit || "its own unit"}`),
    h("thead", {}, h("tr", {}, ["Time", `Value${unit ? `, ${unit}` : ""}`, "Forecast", "80% from", "80% to", "95% from", "95% to"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, [...moments].reverse().map(({ at, past, ahead }) => h("tr", {}, h("th", { scope: "row" }, clock(at)), cell(past?.value),
      cell(ahead?.value), cell(ahead?.lower_80), cell(ahead?.upper_80), cell(ahead?.lower_95), cell(ahead?.upper_95))))));
}
