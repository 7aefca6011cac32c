// Numbers, times and shares as people read them.

import { h } from "./dom.js";

const NUMBER = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const THREE = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const STEPS = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [Infinity, 86400, "d"]];

/** 1234567 as 1.2M; small numbers in full. */
export const number = (value) => (value === undefined || value === null ? "–" : value < 100_000 ? NUMBER.format(value) : COMPACT.format(value));

/** A measured value with its unit, to three digits or so: 453 ms, 0.42%, 1.2M events. */
export function quantity(value, unit = "") {
  if (value === undefined || value === null) return "–";
  const size = Math.abs(value);
  const shown = size >= 100_000 ? COMPACT.format(value) : size >= 100 ? WHOLE.format(value) : THREE.format(value);
  return unit === "percent" ? `${shown}%` : unit ? `${shown} ${unit}` : shown;
}

/** "1 cluster", "2 clusters". */
export const counted = (count, one) => `${number(count)} ${one}${count === 1 ? "" : "s"}`;

/** A share of 1 as percent. */
export const percent = (value) => (value === undefined || value === null ? "–" : `${Math.round(value * 100)}%`);

/** Seconds as the largest fitting unit. */
export function duration(seconds) {
  if (seconds > 0 && seconds < 1) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  const [, size, unit] = STEPS.find(([limit]) => seconds < limit);
  return `${Math.floor(seconds / size)} ${unit}`;
}

/** How long ago (or until) a time is. */
export function ago(at, now = Date.now()) {
  const seconds = (now - Date.parse(at)) / 1000;
  if (Number.isNaN(seconds)) return "–";
  if (Math.abs(seconds) < 1.5) return "just now";
  return seconds > 0 ? `${duration(seconds)} ago` : `in ${duration(-seconds)}`;
}

const EXACT = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" };

/** A time in full, with its zone: 22 Nov 2026, 00:29:57 UTC. */
export const exactly = (at) => new Date(at).toLocaleString("en-GB", EXACT);

/** A <time> that says how long ago it is, and exactly when if one points at it. */
export function time(at, empty = "–") {
  if (!at) return empty;
  return h("time", { datetime: at, title: exactly(at) }, ago(at));
}

/** Keep every <time> of the page true. */
export function keepTimes() {
  setInterval(() => {
    for (const node of document.querySelectorAll("time")) node.textContent = "clock" in node.dataset ? clock(node.dateTime) : ago(node.dateTime);
  }, 5000);
}

/** A clock time with seconds today, the day and the minute before that. */
export function clock(at) {
  const then = new Date(at);
  if (then.toDateString() === new Date().toDateString()) return then.toLocaleTimeString("en-GB");
  return then.toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }).replace(",", "");
}

/** A <time> as a clock shows it, and exactly when if one points at it. */
export const clockTime = (at, name = "") => h("time", { class: name, datetime: at, title: exactly(at), data: { clock: "" } }, clock(at));
