// A metric with its past and its forecast, as the plots and the pages want it.

import { get } from "./api.js";
import { h } from "./dom.js";
import { duration, quantity } from "./format.js";

const RANKS = { critical: 2, warning: 1, good: 0 };
const LEVELS = { critical: "bad", warning: "warn", good: "good" };

export const seriesPath = (key) => `/forecasts/${encodeURIComponent(key)}`;
export const seriesLink = (key) => h("a", { class: "key", href: seriesPath(key) }, nameOf(key));

/** A series' name: the metric, and its labels set apart. */
export function nameOf(key) {
  const [metric, labels] = key.split(/(?=\{)/, 2);
  return labels ? [metric, h("wbr"), h("small", { class: "labels" }, key.slice(metric.length))] : metric;
}

/** Everything about one series: the answer of /api/forecasts/{series}, made ready to be drawn. */
export async function load(key, hours) {
  return shaped(await get(`/api/forecasts/${encodeURIComponent(key)}`, { hours }));
}

const newest = new Map(); // by series

/** The same; where it cannot be fetched anew it stays as it was, and is undefined where there is none. */
export async function loadOrKeep(key, hours) {
  const series = await load(key, hours).catch(() => newest.get(key));
  if (series) newest.set(key, series);
  return series;
}

function shaped({ metric_id, metric, forecast, snapshots, earlier, warnings }) {
  const past = snapshots.map((one) => ({ at: one.start_us / 1000, value: one.mean, low: one.min, high: one.max }));
  const timed = (points) => points.map((one) => ({ ...one, at: Date.parse(one.timestamp) }));
  const ahead = timed(forecast?.points ?? []);
  const [since, until] = [past[0]?.at ?? 0, past.at(-1)?.at ?? 0];
  return {
    key: metric_id, metric, forecast, warnings, past, ahead,
    earlier: timed(earlier).filter((one) => one.at >= since && one.at <= until),
    unit: metric?.unit ?? "",
    step_ms: 1000 * (snapshots[0]?.step_s ?? forecast?.step_s ?? 300),
    value: past.at(-1)?.value ?? null,
    band: past.length ? bandOf(metric, past.at(-1).value) : "",
    thresholds: metric ? ["warning", "critical"].map((name) => ({ name, value: metric[name] })).filter((one, place, all) => place === 0 || one.value !== all[0].value) : [],
    probability: worst(forecast),
  };
}

/** The band of a value, "" for a metric without thresholds. */
export function bandOf(metric, value) {
  if (!metric || !Number.isFinite(value)) return "";
  const sign = metric.direction === "higher_is_worse" ? 1 : -1;
  if (sign * value >= sign * metric.critical) return "critical";
  return sign * value >= sign * metric.warning ? "warning" : "good";
}

function worst(forecast) {
  const all = Object.values(forecast?.breach_probabilities ?? {});
  return all.length ? Math.max(...all) : null;
}

/** How much one should look at this: first what is out of its band, then what will be. */
export function trouble(series) {
  const isWarned = series.warnings.some((one) => one.status === "open");
  const chance = chanceWord(series.band) ? series.probability ?? 0 : 0;
  return 10 * (RANKS[series.band] ?? 0) + (isWarned ? 2 : 0) + chance;
}

/** A band as a word in its colour. */
export const bandWord = (band) => (band ? h("span", { class: `state ${LEVELS[band]}` }, band) : h("span", { class: "state mild", title: "The catalog has no thresholds for this metric" }, "no thresholds"));

/** How far a forecast reaches: "an hour", "30 min". */
export function reach({ ahead, step_ms }) {
  const seconds = (ahead.length * step_ms) / 1000;
  return seconds === 3600 || !seconds ? "an hour" : duration(seconds);
}

/** The next band that trouble leads to, and what to call the chance of it; null beyond critical. */
export const chanceWord = (band) => ({ good: "Leaves its band", warning: "Becomes critical" }[band] ?? null);

/** What the horizon's end will be: "393 ms (80%: 383–402)". */
export function expected({ ahead, unit }) {
  const last = ahead.at(-1);
  if (!last) return "–";
  return `${quantity(last.value, unit)} (80%: ${quantity(last.lower_80)} to ${quantity(last.upper_80)})`;
}

/** "pool(median-6+median-24)" as "median-6 + median-24". */
export const modelName = (model) => (model ?? "").replace(/^pool\((.*)\)$/, "$1").replaceAll("+", " + ");
