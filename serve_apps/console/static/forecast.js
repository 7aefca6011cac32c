// The page of one metric: what it was, what it will be, and what was foreseen before.

import { get } from "./api.js";
import { failed } from "./dialog.js";
import { byId, fill, h } from "./dom.js";
import { counted, duration, number, percent, quantity, time } from "./format.js";
import { remembered, valuesOf } from "./list.js";
import * as live from "./live.js";
import { plot } from "./plot.js";
import { bandWord, chanceWord, expected, load, modelName, nameOf, reach } from "./series.js";
import { begin } from "./shell.js";
import { offerTraining } from "./training.js";
import { warningCard } from "./warnings.js";
import { chance, facts, panel } from "./widgets.js";

const key = decodeURIComponent(location.pathname.slice("/forecasts/".length));
const form = byId("filters");
const remember = remembered(form);
const large = plot();
byId("plot").append(large.node);

async function show() {
  try {
    const [series, accuracy] = await Promise.all([load(key, valuesOf(form).hours), get("/api/ml/dashboard/forecast-accuracy").catch(() => null)]);
    head(series);
    byId("plot").hidden = false;
    large.show(series);
    fill(byId("body"), h("div", { class: "columns" },
      h("div", {}, aheadPanel(series), warningsPanel(series), accuracyPanel(accuracy)),
      h("div", {}, sharesPanel("Which models speak", series.forecast?.weights, "Each model's weight follows from how right it was on this metric."),
        sharesPanel("What the forecast rests on", series.forecast?.feature_importance, "How much each part of the past moves the forecast."),
        metricPanel(series))));
  } catch (error) {
    byId("plot").hidden = true;
    failed(byId("body"), error, show);
  }
}

function head({ metric, band, value, unit }) {
  document.title = `${key} · Grace`;
  fill(byId("title"), h("span", { class: "key" }, nameOf(key)), " ", value === null ? h("span", { class: "state mild" }, "no data yet") : [quantity(value, unit), " ", bandWord(band)]);
  fill(byId("about"), metric?.description ?? "It is not in the catalog: it has no thresholds, and is forecast all the same.");
}

function aheadPanel(series) {
  const { forecast } = series;
  if (!forecast) return panel("Ahead", h("p", { class: "quiet" }, "There is no forecast yet. One is made with the first five minutes of data."));
  const chances = Object.entries(forecast.breach_probabilities).sort(([one], [other]) => one - other);
  return panel("Ahead", facts(
    [`In ${reach(series)}`, expected(series)],
    ...(chanceWord(series.band) ? chances : []).map(([minutes, share]) => [`Within ${minutes} min`, h("span", { class: "chance" }, chance(share, `Probability of a breach within ${minutes} minutes`), h("span", { class: "quiet" }, chanceWord(series.band).toLowerCase()))]),
    ["At this pace", forecast.minutes_to_breach === null || !chanceWord(series.band) ? "" : `It reaches its next threshold ${forecast.minutes_to_breach < 1 ? "any moment now" : `in ${duration(60 * forecast.minutes_to_breach)}`}.`],
    ["Made", [time(forecast.generated_at), `, from ${counted(forecast.observations, "snapshot")}`]],
    ["Model", modelName(forecast.model)],
    ["Trained", forecast.trained_version],
    ["Note", forecast.note]));
}

function warningsPanel({ warnings, unit, value }) {
  if (!warnings.length) return null;
  return panel("Warnings", h("ul", { class: "cards" }, warnings.slice(0, 10).map((one) => warningCard(one, { unit, value, isNamed: false }))));
}

function sharesPanel(title, shares, what) {
  const all = Object.entries(shares ?? {}).sort(([, one], [, other]) => other - one);
  if (!all.length) return null;
  return panel(title, h("p", { class: "quiet" }, what), h("ul", { class: "shares" }, all.map(([name, share]) => bar(name, share, all[0][1]))));
}

function bar(name, share, most) {
  const full = h("i", {});
  full.style.width = `${(100 * share) / Math.max(most, 1e-9)}%`;
  return h("li", {}, h("span", {}, name), h("span", { class: "bar-track", "aria-hidden": "true" }, full), h("b", {}, percent(share)));
}

function accuracyPanel(accuracy) {
  const mine = accuracy?.by_metric.find((one) => one.metric === key);
  if (!mine?.count) return panel("Accuracy so far", h("p", { class: "quiet" }, "None of its forecasts has been judged yet. Each is judged as its hour passes."));
  const { nominal } = accuracy;
  return panel("Accuracy so far", h("p", { class: "quiet" }, `Against ${number(Math.round(mine.count))} values that came true; the last few hundred forecasts count most.`),
    h("ul", { class: "coverages" }, coverage("80% band", mine.coverage_80, nominal.coverage_80), coverage("95% band", mine.coverage_95, nominal.coverage_95)),
    facts(["MASE", mine.mase === null ? "not to be told yet: it hardly moved" : `${mine.mase.toFixed(2)} (1 is the error of "as it was a step ago")`], ["sMAPE", percent(mine.smape)]),
    h("details", {}, h("summary", {}, "By how far ahead"), h("div", { class: "scroller", tabindex: 0, role: "region", "aria-label": "Accuracy by horizon" }, h("table", { class: "values" },
      h("thead", {}, h("tr", {}, ["Steps ahead", "Judged", "MASE", "sMAPE", "In 80%", "In 95%"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, mine.by_horizon.map((one) => h("tr", {}, h("th", { scope: "row" }, one.step),
        [number(Math.round(one.count)), one.mase?.toFixed(2) ?? "–", percent(one.smape), percent(one.coverage_80), percent(one.coverage_95)].map((value) => h("td", {}, value)))))))));
}

/** A share of values that lay within a band, beside the share that should. */
function coverage(name, share, nominal) {
  const [full, mark] = [h("i", {}), h("s", { title: `should be ${percent(nominal)}` })];
  full.style.width = `${100 * share}%`;
  mark.style.left = `${100 * nominal}%`;
  return h("li", {}, h("span", {}, name), h("span", { class: "bar-track", "aria-hidden": "true" }, full, mark), h("span", {}, h("b", {}, percent(share)), h("span", { class: "quiet" }, ` held, should be ${percent(nominal)}`)));
}

function metricPanel({ metric, unit }) {
  if (!metric) return null;
  return panel("Metric", facts(
    ["Category", metric.category], ["Service", metric.service],
    ["Warning", `${metric.direction === "higher_is_worse" ? "from" : "at or below"} ${quantity(metric.warning, unit)}`],
    ["Critical", `${metric.direction === "higher_is_worse" ? "from" : "at or below"} ${quantity(metric.critical, unit)}`],
    ["May help", metric.playbooks.length ? h("ul", { class: "plainlist" }, metric.playbooks.map((name) => h("li", {}, h("a", { class: "key", href: `/playbooks#playbook-${encodeURIComponent(name)}` }, name)))) : ""]));
}

form.addEventListener("input", () => {
  remember();
  show();
});
const calmShow = live.calmly(() => { if (!document.querySelector("dialog[open], #body details[open]")) show(); }, 2000);
live.on("entry", (entry) => { if (entry.subject === key) calmShow(); });
setInterval(() => { if (!document.hidden) calmShow(); }, 60_000);
begin([["arrow keys", "on the plot: read its values"]]);
show();
offerTraining();
