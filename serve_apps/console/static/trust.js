// Agents and how far they can be trusted, in links, words and bars.

import { h } from "./dom.js";
import { percent } from "./format.js";
import { words } from "./widgets.js";

export const API = "/api/v1/learning";
export const OWN = "grace"; // the workspace of Grace's own agents
const TRENDS = { improving: ["good", "↗"], stable: ["mild", "→"], declining: ["bad", "↘"] };
const STRENGTHS = { very_strong: "good", strong: "good", moderate: "plain", weak: "mild" };
const COUNTED = { agents_agree: "agents agree", evidence: "pieces of evidence are given" };

export const agentPath = (id, workspace) => `/agents/${encodeURIComponent(id)}?workspace=${encodeURIComponent(workspace)}`;

export function trendWord(trend) {
  const [level, arrow] = TRENDS[trend] ?? TRENDS.stable;
  return h("span", { class: `state ${level}` }, h("span", { "aria-hidden": "true" }, `${arrow} `), trend);
}

export const strengthWord = (name) => h("span", { class: `state ${STRENGTHS[name] ?? "mild"}` }, words(name));

const place = (value) => `${100 * Math.min(1, Math.max(0, value))}%`;

/** A share of 1 with its interval on a scale from 0 to 1; `usual` is marked where given. For the eyes: inShare says it. */
export function shareBar(value, low, high, usual = null, what = "usual") {
  const [spread, dot] = [h("i", {}), h("b", {})];
  spread.style.left = place(low);
  spread.style.right = `calc(100% - ${place(high)})`;
  dot.style.left = place(value);
  const bar = h("span", { class: "interval share", "aria-hidden": "true" }, spread);
  if (usual !== null) {
    const mark = h("s", { title: `${what}: ${percent(usual)}` });
    mark.style.left = place(usual);
    bar.append(mark);
  }
  bar.append(dot);
  return bar;
}

/** "74% (69 to 79%)" */
export const inShare = (value, low, high) => [h("b", {}, percent(value)), h("span", { class: "quiet" }, ` (${Math.round(low * 100)} to ${percent(high)})`)];

/** A difference of two shares in points: "+8 points". */
export function points(value) {
  const size = Math.round(100 * value);
  return `${size > 0 ? "+" : size < 0 ? "−" : ""}${Math.abs(size)} point${Math.abs(size) === 1 ? "" : "s"}`;
}

/** How sure one is, without calling it certain. */
export const sureness = (value) => (value > 0.999 ? "> 99.9%" : `${(100 * value).toFixed(1)}%`);

/** {feature: what it must be} as words of a sentence. */
export function conditionWords(condition) {
  const said = Object.entries(condition).map(([name, wanted]) => saidOf(words(name), name, wanted));
  return said.length > 1 ? `${said.slice(0, -1).join(", ")} and ${said.at(-1)}` : said[0] ?? "always";
}

function saidOf(label, name, wanted) {
  if (wanted === null || typeof wanted !== "object") return `${label} is ${wanted}`;
  if ("min" in wanted && name in COUNTED) return `at least ${wanted.min} ${COUNTED[name]}`;
  return "min" in wanted ? `${label} is ${wanted.min} or more` : `${label} is below ${wanted.max}`;
}
