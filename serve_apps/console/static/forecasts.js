// The page of forecasts: every metric with what it will be.

import { get } from "./api.js";
import { byId, h, refill } from "./dom.js";
import { number, quantity, time } from "./format.js";
import { paged, remembered, valuesOf } from "./list.js";
import * as live from "./live.js";
import { legend, spark } from "./plot.js";
import { bandWord, chanceWord, expected, loadOrKeep, modelName, nameOf, reach, seriesPath, trouble } from "./series.js";
import { begin } from "./shell.js";
import { offerTraining } from "./training.js";
import { chance } from "./widgets.js";

const HOURS = 3;
const AT_ONCE = 6; // requests under way: a browser has six connections to one host
const LIKELY = 0.5;
const tenths = (value) => Math.round(value * 10); // small changes do not shuffle the cards
const form = byId("filters");
const remember = remembered(form);

const list = paged(async (after) => {
  const page = await get("/api/forecasts", { limit: 100, after });
  return { items: await details(page.items.map((one) => one.metric_id)), next: page.next };
}, draw);

async function details(keys) {
  const found = [];
  const waiting = [...keys];
  const work = async () => {
    while (waiting.length) {
      const series = await loadOrKeep(waiting.shift(), HOURS);
      if (series) found.push(series);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return found;
}

function wanted(series) {
  const { which, find = "" } = valuesOf(form);
  if (which === "trouble" && trouble(series) < LIKELY) return false;
  const text = [series.key, series.band, series.metric?.category, series.metric?.description, series.forecast?.model].join(" ").toLowerCase();
  return find.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

function draw(items) {
  const sorted = [...items].sort((one, other) => tenths(trouble(other)) - tenths(trouble(one)) || one.key.localeCompare(other.key));
  const shown = sorted.filter(wanted);
  refill(byId("rows"), shown.map(card));
  byId("legend").hidden = shown.length === 0;
  const out = items.filter((one) => one.band === "warning" || one.band === "critical").length;
  const likely = items.filter((one) => one.band === "good" && trouble(one) >= LIKELY).length;
  if (items.length) byId("lead").textContent = `${number(items.length)} metrics: ${out ? `${number(out)} out of ${out === 1 ? "its band" : "their bands"}` : "all in their bands"}, ${likely ? number(likely) : "no"}${out ? " other" : ""} likely to leave ${likely > 1 ? "theirs" : "its own"} within ${reach(items[0])}.`;
  return shown.length;
}

function card(series) {
  const { key, metric, unit, value, forecast } = series;
  const isWarned = series.warnings.some((one) => one.status === "open");
  return h("li", { class: "metric", data: { key, band: series.band } },
    h("header", {}, h("h2", {}, h("a", { class: "key", href: seriesPath(key), title: metric?.description ?? key }, nameOf(key))), bandWord(series.band)),
    h("p", { class: "now" }, h("b", {}, quantity(value, unit)), h("span", {}, isWarned && h("a", { class: "state warn", href: "/incidents" }, "warned of"))),
    spark(series),
    h("dl", { class: "terms" },
      term(`In ${reach(series)}`, expected(series)),
      chanceWord(series.band) && term(chanceWord(series.band), series.probability === null ? "–" : chance(series.probability, `Probability: ${key} ${chanceWord(series.band).toLowerCase()}`)),
      term("Model", [modelName(forecast?.model), h("span", { class: "quiet" }, " ", time(forecast?.generated_at))])),
    forecast?.note && h("p", { class: "quiet note" }, forecast.note));
}

const term = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));

form.addEventListener("input", () => {
  remember();
  list.redraw();
});
form.addEventListener("submit", (event) => event.preventDefault());
const calmRefresh = live.calmly(list.refresh, 5000);
live.on("entry", (entry) => { if (/^(metric\.band_changed|incident\.)/.test(entry.type)) calmRefresh(); });
setInterval(() => { if (!document.hidden) list.refresh(); }, 60_000);
byId("legend").append(legend({ hasFlags: false }));
begin();
list.restart();
offerTraining();
