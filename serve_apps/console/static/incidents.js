// The page of early warnings: the open ones, and how the others ended.

import { get } from "./api.js";
import { failed } from "./dialog.js";
import { byId, fill, h, refill } from "./dom.js";
import { number, percent } from "./format.js";
import { paged, remembered, valuesOf } from "./list.js";
import * as live from "./live.js";
import { load } from "./series.js";
import { begin } from "./shell.js";
import { warningCard } from "./warnings.js";

const form = byId("filters");
const remember = remembered(form);
const known = new Map();

const list = paged(async (after) => {
  const page = await get("/api/incidents", { status: valuesOf(form).status, limit: 50, after });
  const items = page.items.filter((one) => one.status !== "open");
  await learn(items.filter((one) => !known.has(one.metric_id)));
  return { items, next: page.next };
}, (items) => refill(byId("rows"), items.map(card)));

const card = (warning) => warningCard(warning, known.get(warning.metric_id));

/** Warnings name their metric; its unit, and what it is now, stand elsewhere. */
async function learn(warnings) {
  await Promise.all([...new Set(warnings.map((one) => one.metric_id))].map(async (key) => {
    const { unit, value } = await load(key, 1).catch(() => ({ unit: "", value: null }));
    known.set(key, { unit, value });
  }));
}

async function open() {
  try {
    const [{ items }, { warnings }] = await Promise.all([get("/api/incidents", { status: "open", limit: 100 }), get("/api/ml/forecaster/statistics")]);
    await learn(items);
    tally(warnings);
    refill(byId("open"), items.length ? items.map(card) : h("li", { class: "empty" }, h("strong", {}, "No warning is open."), " No metric that is in its band is likely to leave it within the hour."));
  } catch (error) {
    failed(byId("open"), error, open);
  }
}

function tally(warnings) {
  const judged = warnings.breached + warnings.prevented + warnings.false_alarm;
  const figure = (name, value, what) => h("div", {}, h("dt", {}, name), h("dd", {}, h("b", {}, value), h("span", { class: "quiet" }, what)));
  fill(byId("tally"),
    figure("Open", number(warnings.open), warnings.open === 1 ? "warning" : "warnings"),
    figure("Precision", percent(warnings.precision), judged ? `of ${number(judged)} judged were right` : "none is judged yet"),
    figure("Prevented", percent(warnings.prevention_success_rate), `${number(warnings.prevented)} of ${number(warnings.prevented + warnings.breached)} that were right`),
    figure("False alarms", number(warnings.false_alarm), `of ${number(judged)} judged`));
}

const refresh = () => {
  open();
  list.refresh();
};
form.addEventListener("input", () => {
  remember();
  list.restart();
});
const calmRefresh = live.calmly(refresh, 1000);
live.on("entry", (entry) => { if (entry.type.startsWith("incident.")) calmRefresh(); });
setInterval(() => { if (!document.hidden) refresh(); }, 60_000);
begin();
open();
list.restart();
