// The overview's strip of what is coming: the critical metrics, open warnings, approvals that wait, and the ML health.

import { get } from "./api.js";
import { show } from "./dialog.js";
import { byId, h, refill } from "./dom.js";
import { number, percent, quantity } from "./format.js";
import * as live from "./live.js";
import { spark } from "./plot.js";
import { bandWord, loadOrKeep, reach, seriesPath } from "./series.js";
import { words } from "./widgets.js";

const HOURS = 3;
const WORTH_SAYING = 0.2;
const PAUSE_MS = 60_000;

/** Fill the strip, and keep it true. */
export function keepOutlook() {
  refresh();
  const calmRefresh = live.calmly(refresh, 1500);
  live.on("entry", (entry) => { if (/^(metric\.band_changed|incident\.|playbook\.run\.|playbook\.chosen|playbook\.rewarded)/.test(entry.type)) calmRefresh(); });
  setInterval(() => { if (!document.hidden) refresh(); }, PAUSE_MS);
}

async function refresh() {
  const [found, overview] = await Promise.all([
    Promise.all(byId("vitals").dataset.metrics.split(" ").map((key) => loadOrKeep(key, HOURS))),
    get("/api/ml/dashboard/overview").catch(() => null),
  ]);
  refill(byId("vitals"), found.filter(Boolean).map(vital));
  if (overview) refill(byId("foresight"), told(overview));
}

function vital(series) {
  return h("li", { class: "metric", data: { key: series.key, band: series.band } }, h("a", { href: seriesPath(series.key), title: `${series.key}: ${series.metric?.description ?? ""}` },
    h("span", { class: "name" }, shortName(series.key)), series.past.length
      ? [h("b", {}, quantity(series.value, series.unit)), spark(series), h("span", { class: "said" }, bandWord(series.band), chance(series))]
      : h("span", { class: "quiet" }, "no data yet")));
}

/** "infra.cpu_utilization" as "cpu utilization": beside five others it needs no more. */
const shortName = (key) => words(key.slice(key.indexOf(".") + 1));

function chance(series) {
  const { probability, band } = series;
  return band === "good" && probability >= WORTH_SAYING ? h("span", { class: "quiet" }, `${percent(probability)} to leave it within ${reach(series)}`) : null;
}

/** What the ML health score is made of. */
function why(health) {
  show("ML health", h("ul", { class: "reasons" }, health.parts.map((part) => h("li", {}, h("b", {}, `${part.name} ${Math.round(part.score)}`), `, weight ${part.weight}: ${part.why}`))));
}

function told({ health, warnings, playbooks }) {
  const waiting = playbooks.runs.awaiting_approval ?? 0;
  const open = warnings.open ?? 0;
  return [
    h("li", {}, h("a", { href: "/incidents", class: open ? "state warn" : "" }, `${number(open)} open warning${open === 1 ? "" : "s"}`)),
    h("li", {}, h("a", { href: "/playbooks", class: waiting ? "state warn" : "" }, `${number(waiting)} approval${waiting === 1 ? "" : "s"} waiting`)),
    h("li", {}, h("button", { type: "button", class: "plain small", onclick: () => why(health) }, "ML health ", h("b", {}, Math.round(health.score)), ` of 100, ${health.status}`)),
  ];
}
