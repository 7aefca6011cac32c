// An early warning as a line of a list.

import { h } from "./dom.js";
import { number, quantity, time } from "./format.js";
import { seriesLink } from "./series.js";
import { chance, state } from "./widgets.js";

/** A warning: what was foreseen, and what came of it. `value`: what the metric is now; `isNamed`: with its name. */
export function warningCard(warning, { unit = "", value = null, isNamed = true } = {}) {
  const isOpen = warning.status === "open";
  return h("li", { class: `card warning ${isOpen ? "is-open" : ""}`, data: { key: warning.metric_id } },
    h("p", { class: "tags" }, isNamed && seriesLink(warning.metric_id), state(isOpen ? "open" : warning.status), isOpen ? inTime(warning) : null,
      h("span", { class: "quiet" }, isOpen ? "warned " : "ended ", time(isOpen ? warning.opened_at : warning.closed_at))),
    h("p", { class: "foreseen" }, isOpen && value !== null && [h("b", {}, quantity(value, unit)), " now; it was "], isOpen && value !== null ? quantity(warning.value, unit) : `At ${quantity(warning.value, unit)}`, " when Grace foresaw ", h("b", {}, quantity(warning.predicted_value, unit)),
      ` against a ${warning.band} threshold of ${quantity(warning.threshold, unit)}, within ${number(warning.horizon_minutes)} min.`),
    h("p", { class: "odds" }, h("span", {}, "Probability ", chance(warning.probability, "Probability of a breach")), h("span", {}, "Confidence ", chance(warning.confidence, "Confidence"))),
    warning.reason && h("p", {}, warning.reason),
    ended(warning));
}

function inTime({ opened_at, minutes_to_breach }) {
  if (minutes_to_breach === null) return null;
  const left = minutes_to_breach - (Date.now() - Date.parse(opened_at)) / 60_000;
  return h("span", { class: "state warn" }, left >= 1 ? `in about ${Math.round(left)} min` : "any moment now");
}

function ended({ playbook, run_id, effect }) {
  if (!playbook) return null;
  return h("p", {}, run_id ? h("a", { href: `/playbooks/runs/${encodeURIComponent(run_id)}` }, playbook) : h("code", {}, playbook),
    effect === null ? "" : ` changed it by ${effect > 0 ? "+" : ""}${effect.toFixed(2)} against doing nothing.`);
}
