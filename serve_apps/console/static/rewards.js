// Rewards as people read them: numbers from -1 to +1, and bars with their uncertainty.

import { h } from "./dom.js";

const SURE = 1.96; // standard errors either side: 95%

/** "+0.42"; "–" where there is none. */
export function signed(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value).toFixed(2);
  return Number(size) === 0 ? size : `${value < 0 ? "−" : "+"}${size}`;
}

/** A reward in the colour of what it says. */
export const rewardWord = (value) => h("span", { class: `state ${value >= 0.1 ? "good" : value <= -0.1 ? "bad" : "mild"}` }, `reward ${signed(value)}`);

const place = (value) => `${50 + 50 * Math.min(1, Math.max(-1, value))}%`;

/** A mean with its 95% interval on a scale from -1 to +1, beside what doing nothing earns (null: not known). */
export function interval(mean, error, nothing) {
  const bar = h("span", { class: "interval", "aria-hidden": "true" }, h("u", {}));
  if (nothing !== null) bar.append(at(h("s", { title: `doing nothing: ${signed(nothing)}` }), "left", nothing));
  if (mean === null) return bar;
  if (error !== null) {
    const spread = h("i", {});
    const [low, high] = [Math.max(-1, mean - SURE * error), Math.min(1, mean + SURE * error)];
    at(spread, "left", low);
    spread.style.right = `calc(100% - ${place(high)})`;
    bar.append(spread);
  }
  bar.append(at(h("b", { class: mean >= (nothing ?? 0) ? "up" : "down" }), "left", mean));
  return bar;
}

function at(node, side, value) {
  node.style[side] = place(value);
  return node;
}

/** The same in words, for those who do not see the bar. */
export const inWords = (mean, error) => (mean === null ? "not tried" : `${signed(mean)}${error === null ? "" : ` ± ${(SURE * error).toFixed(2)}`}`);
