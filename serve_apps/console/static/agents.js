// The page of a workspace's agents: their trust side by side, and what was learned of them.

import { get } from "./api.js";
import { byId, fill, h, refill } from "./dom.js";
import { counted, number, percent } from "./format.js";
import { learned } from "./learned.js";
import { paged, remembered, valuesOf } from "./list.js";
import * as live from "./live.js";
import { begin } from "./shell.js";
import { agentPath, API, inShare, OWN, shareBar, strengthWord, trendWord } from "./trust.js";
import { words } from "./widgets.js";

const TRENDS = ["declining", "stable", "improving"];
const SORTS = { // the value to sort by, lowest first
  "": (one) => -one.expected,
  name: (one) => nameOf(one).toLowerCase(),
  trust: (one) => -one.overall_trust_score,
  trend: (one) => TRENDS.indexOf(one.trend),
  outcomes: (one) => -one.sample_size,
  calibration: (one) => -(one.calibration.error ?? -1),
};
const form = byId("filters");
const remember = remembered(form);
const asked = () => valuesOf(form).workspace || OWN;
let current = asked(); // not what is being typed
const workspace = () => current;
const nameOf = (one) => one.agent_name || one.agent_id;
const list = paged((after) => get(`${API}/trust-scores`, { workspace_id: workspace(), limit: 100, after }), draw);
const { load: loadLearned } = learned(byId("learned"), workspace);

function draw(items) {
  const { sort, order, find = "" } = valuesOf(form);
  const by = SORTS[sort] ?? SORTS[""];
  const sign = order ? -1 : 1;
  const sorted = [...items].sort((one, other) => sign * compare(by(one), by(other)) || compare(one.agent_id, other.agent_id));
  const shown = sorted.filter((one) => fits(one, find.toLowerCase().split(/\s+/)));
  refill(byId("rows"), shown.map(row));
  byId("agents").hidden = items.length === 0;
  byId("unfound").hidden = items.length === 0 || shown.length > 0;
  for (const button of document.querySelectorAll(".sorter")) {
    const isIt = button.dataset.sort === sort;
    const isRising = (sort === "name" || sort === "trend") !== Boolean(order);
    if (isIt) button.parentNode.setAttribute("aria-sort", isRising ? "ascending" : "descending");
    else button.parentNode.removeAttribute("aria-sort");
  }
  explain();
  if (items.length) offerWorkspaces();
  return items.length; // what these words leave out has a line of its own
}

const compare = (one, other) => (one < other ? -1 : one > other ? 1 : 0);

function fits(one, asked) {
  const text = [one.agent_id, one.agent_name, one.trend, words(one.recommendation_strength), ...Object.keys(one.by_type)].join(" ").toLowerCase();
  return asked.every((word) => text.includes(word));
}

function row(one) {
  const cell = (label, ...content) => h("td", { data: { label } }, content);
  const { error } = one.calibration;
  return h("tr", { data: { key: one.agent_id } },
    h("th", { scope: "row" }, h("a", { href: agentPath(one.agent_id, workspace()) }, nameOf(one)), one.agent_name && one.agent_name !== one.agent_id && h("small", { class: "key quiet" }, one.agent_id)),
    h("td", { class: "expected" }, shareBar(one.expected, ...one.interval), h("span", {}, inShare(one.expected, ...one.interval))),
    cell("Trust score", one.sample_size === 0 ? h("span", { class: "quiet" }, "nothing judged yet") : [h("b", {}, one.overall_trust_score.toFixed(2)), h("small", {}, strengthWord(one.recommendation_strength))]),
    cell("Trend", trendWord(one.trend)),
    cell("Outcomes", number(one.sample_size), one.approval_rate !== null && h("small", { class: "quiet" }, `${percent(one.approval_rate)} approved`)),
    cell("Calibration error", error === undefined ? h("span", { class: "quiet" }, "says no confidence") : `${(100 * error).toFixed(1)} points`));
}

const lead = byId("lead").textContent;

async function showFigures() {
  const mine = current;
  const now = await get(`${API}/stats`, { workspace_id: workspace() }).catch(() => null);
  if (mine !== current) return;
  byId("lead").textContent = !now?.agents ? lead : `${counted(now.agents, "agent")} gave ${counted(now.recommendations, "recommendation")}; ${number(now.outcomes)} are judged${now.approval_rate === null ? "" : `, ${percent(now.approval_rate)} of them approved`}.`;
}

/** Make what is said of an empty workspace fit the one that was asked for. */
function explain() {
  for (const root of [byId("listening").content, byId("none")]) {
    for (const node of root.querySelectorAll("[data-workspace]")) node.textContent = workspace();
    for (const node of root.querySelectorAll("[data-only]")) node.hidden = (node.dataset.only === "own") !== (workspace() === OWN);
  }
}

async function offerWorkspaces() {
  const { items } = await get(`${API}/workspaces`).catch(() => ({ items: [] }));
  if (!items.length) return;
  fill(byId("workspaces"), [...new Set([...items, OWN])].map((name) => h("option", { value: name })));
}

function load() {
  current = asked();
  byId("agents").hidden = true; // nothing of the workspace before is shown as this one's
  fill(byId("rows"));
  fill(byId("learned"));
  list.restart();
  showFigures();
  loadLearned();
}

function refresh() {
  list.refresh();
  showFigures();
  loadLearned();
}

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", (event) => { if (event.target.name === "workspace") load(); });
form.addEventListener("input", (event) => {
  if (event.target.name === "sort") form.elements.order.value = "";
  remember();
  if (event.target.name !== "workspace") list.redraw();
});
for (const button of document.querySelectorAll(".sorter")) {
  button.addEventListener("click", () => {
    const { sort, order } = form.elements;
    order.value = sort.value === button.dataset.sort && !order.value ? "reversed" : "";
    sort.value = button.dataset.sort;
    remember();
    list.redraw();
  });
}
const calmRefresh = live.calmly(() => { if (!document.querySelector("dialog[open]")) refresh(); }, 5000);
live.on("entry", (entry) => { if (entry.type.startsWith("learning.")) calmRefresh(); });
setInterval(() => { if (!document.hidden) calmRefresh(); }, 10_000); // recommendations come by the thousand: the stream leaves them out
offerWorkspaces();
begin();
load();
