// Two small charts of an agent: what is expected of it over time, and what it says of itself against what came.

import { fill, h } from "./dom.js";
import { clock, number, percent } from "./format.js";
import { s, timeWord } from "./plot.js";
import { area, line, timeTicks } from "./scale.js";

const BOX = { left: 44, right: 12, top: 12, bottom: 30 };
const LEVELS = [0, 0.25, 0.5, 0.75, 1];
const DOT_MIN = 3;
const DOT_MAX = 7;

/** An SVG that is drawn anew at each width; `draw({x, y, box})` gives its marks, x and y in 0..1. */
function chart(title, name, draw) {
  const svg = s("svg", { class: `plot ${name}`, role: "img", "aria-label": title });
  const redraw = () => {
    const [width, height] = [svg.clientWidth, svg.clientHeight];
    if (!width) return;
    const box = { ...BOX, width, height, floor: height - BOX.bottom };
    const x = (share) => box.left + (width - box.left - box.right) * share;
    const y = (share) => box.top + (box.floor - box.top) * (1 - share);
    fill(svg, s("title", {}, title), LEVELS.map((level) => [
      s("path", { class: "grid", d: `M${box.left},${y(level)}H${width - box.right}` }),
      s("text", { class: "tick", x: box.left - 7, y: y(level) + 4, "text-anchor": "end" }, percent(level))]).flat(), draw({ x, y, box }));
  };
  new ResizeObserver(redraw).observe(svg);
  return svg;
}

const dot = (name, place, size, title) => s("circle", { class: `dot ${name}`, cx: place[0], cy: place[1], r: size }, s("title", {}, title));

/** What was expected of an agent at each time, with the interval, and its trust score; `standings`: [{at, overall, expected, low, high}], oldest first. */
export function overTime(name, standings) {
  const times = standings.map((one) => Date.parse(one.at));
  const [from, to] = [times[0], times.at(-1)];
  const share = (at) => (at - from) / Math.max(to - from, 1);
  const draw = ({ x, y, box }) => {
    const places = (field) => standings.map((one, index) => [x(share(times[index])), y(one[field])]);
    const said = (one) => `${clock(one.at)}: expected ${percent(one.expected)}, ${percent(one.low)} to ${percent(one.high)}; trust score ${one.overall.toFixed(2)}`;
    return [
      timesOf(from, to, box.width).map((at) => s("text", { class: "tick", x: Math.min(Math.max(x(share(at)), box.left + 14), box.width - 20), y: box.floor + 18, "text-anchor": "middle" }, timeWord(at))),
      s("path", { class: "band", d: area(places("high"), places("low")) }),
      s("path", { class: "moving", d: line(places("overall")) }),
      s("path", { class: "known", d: line(places("expected")) }),
      places("expected").map((place, index) => dot("known", place, standings.length > 60 ? 2 : DOT_MIN, said(standings[index]))),
    ];
  };
  return h("figure", { class: "plotted" }, chart(`Expected success of ${name} over time, with its 95% interval`, "trend", draw),
    h("ul", { class: "legend" }, key("known", "expected success of the next outcome"), key("band", "95% interval"), key("moving", "trust score, a moving average")),
    table("The values as a table", `Expected success of ${name}`, ["Time", "Expected", "From", "To", "Trust score"],
      [...standings].reverse().map((one) => [clock(one.at), percent(one.expected), percent(one.low), percent(one.high), one.overall.toFixed(2)])));
}

/** Round times, or the ends where they are too near to each other for those. */
function timesOf(from, to, width) {
  const round = timeTicks(from, to, Math.max(2, Math.floor(width / 80)));
  return round.length ? round : [from, to];
}

/** How sure an agent said that it was, against how often it was right; `bins` as of a trust score's calibration. */
export function calibration(name, bins) {
  const most = Math.max(...bins.map((one) => one.count));
  const draw = ({ x, y, box }) => [
    LEVELS.map((level) => s("text", { class: "tick", x: x(level), y: box.floor + 18, "text-anchor": level === 1 ? "end" : "middle" }, percent(level))),
    s("path", { class: "diagonal", d: line([[x(0), y(0)], [x(1), y(1)]]) }),
    bins.map((one) => s("path", { class: "whisker", d: `M${x(one.said)},${y(one.low)}V${y(one.high)}m-4,0h8M${x(one.said) - 4},${y(one.low)}h8` })),
    s("path", { class: "known", d: line(bins.map((one) => [x(one.said), y(one.came)])) }),
    bins.map((one) => dot("known", [x(one.said), y(one.came)], DOT_MIN + (DOT_MAX - DOT_MIN) * Math.sqrt(one.count / most), `It said ${percent(one.said)}, ${percent(one.came)} came (${percent(one.low)} to ${percent(one.high)}), ${number(one.count)} times`)),
  ];
  return h("figure", { class: "plotted" }, chart(`How sure ${name} said it was, across, against how often it was right, upwards`, "square", draw),
    h("ul", { class: "legend" }, key("known", "how often it was right (up) when it was so sure (across)"), key("whisker", "95% interval"), key("diagonal", "as right as it said")),
    table("The values as a table", `Calibration of ${name}`, ["It said", "Came", "From", "To", "Times"],
      bins.map((one) => [percent(one.said), percent(one.came), percent(one.low), percent(one.high), number(one.count)])));
}

const key = (name, text) => h("li", {}, h("i", { class: name }), text);

function table(title, caption, heads, rows) {
  return h("details", {}, h("summary", {}, title), h("div", { class: "scroller", tabindex: 0, role: "region", "aria-label": caption }, h("table", { class: "values" },
    h("caption", { class: "unseen" }, caption),
    h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
    h("tbody", {}, rows.map(([first, ...rest]) => h("tr", {}, h("th", { scope: "row" }, first), rest.map((value) => h("td", {}, value))))))));
}
