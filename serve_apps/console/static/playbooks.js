// The page of playbooks: runs that wait for approval, what helps, and what would be chosen.

import { get } from "./api.js";
import { failed } from "./dialog.js";
import { byId, h, refill } from "./dom.js";
import { number, percent, time } from "./format.js";
import { paged, remembered, valuesOf } from "./list.js";
import * as live from "./live.js";
import { interval, inWords, signed } from "./rewards.js";
import { approvalCard, runByHand, runCard, runPath } from "./runs.js";
import { seriesLink } from "./series.js";
import { begin } from "./shell.js";
import { words } from "./widgets.js";

const rewards = (count) => `${number(count)} reward${count === 1 ? "" : "s"}`;
const NOTHING = "do_nothing";
const form = byId("filters");
const remember = remembered(form);
let known = new Map();

const list = paged((after) => get("/api/playbook-runs", { status: valuesOf(form).status, limit: 50, after }), (items) => refill(byId("rows"), items.map(runCard)));

async function load() {
  try {
    const [playbooks, performance, policies, statistics] = await Promise.all([
      get("/api/playbooks", { limit: 1000 }), get("/api/ml/dashboard/playbook-performance"), get("/api/ml/causal-rl/policies"), get("/api/ml/causal-rl/statistics")]);
    known = new Map(playbooks.items.map((one) => [one.id, one]));
    lead(statistics);
    effectiveness(performance.items);
    cells(policies.items);
    await approvals();
  } catch (error) {
    failed(byId("playbooks"), error, load);
  }
}

async function approvals() {
  const { items } = await get("/api/playbook-runs", { status: "awaiting_approval", limit: 100 });
  byId("approvals").hidden = items.length === 0;
  refill(byId("waiting"), items.map((run) => approvalCard(run, known.get(run.playbook), refresh)));
}

function lead(now) {
  if (!now.experiences) return;
  byId("lead").textContent = `${number(now.experiences)} experience${now.experiences === 1 ? "" : "s"}, ${number(now.last_day)} of them in the last day; mean reward ${signed(now.mean_reward)}`
    + `${now.exploration.choices ? `; ${percent(now.exploration.share)} of choices explored` : ""}.`;
}

function effectiveness(performance) {
  const idle = performance.find((one) => one.playbook === NOTHING);
  const [tried, untried] = [performance.filter((one) => one.samples), performance.filter((one) => !one.samples && one.playbook !== NOTHING)];
  const open = new Set([...document.querySelectorAll("#effects details[open]")].map((node) => node.closest("li")?.id ?? "untried"));
  refill(byId("playbooks"), tried.length ? tried.map((one) => row(one, idle?.mean_reward ?? null)) : h("li", { class: "quiet" }, "None has been rewarded yet."));
  byId("untried").hidden = untried.length === 0;
  byId("untried-count").textContent = untried.length;
  refill(byId("untried-rows"), untried.map((one) => row(one, null)));
  for (const id of open) reveal(byId(id));
}

/** Open the disclosures that hold a node, and its own. */
function reveal(node) {
  const own = node?.matches("details") ? node : node?.querySelector("details");
  for (let at = own; at; at = at.parentElement) if (at.matches("details")) at.open = true;
}

function row(one, nothing) {
  const playbook = known.get(one.playbook);
  const run = async () => {
    const made = await runByHand(playbook);
    if (made) location.assign(runPath(made.run_id));
  };
  const counts = Object.entries(one.runs).map(([status, count]) => `${number(count)} ${words(status)}`).join(", ");
  return h("li", { id: `playbook-${one.playbook}`, data: { playbook: one.playbook } },
    h("div", { class: "what" }, h("p", {}, h("b", { class: "key" }, one.playbook === NOTHING ? "do nothing" : one.playbook), " ", playbook?.risk === "needs-approval" && h("span", { class: "state warn" }, "needs approval")),
      h("p", { class: "quiet" }, playbook?.description ?? (one.playbook === NOTHING ? "What the others are measured against." : "Not in this catalog: another system reported it."))),
    h("div", { class: "earned" }, one.samples > 0 && [interval(one.mean_reward, one.standard_error, nothing),
      h("p", {}, h("b", {}, inWords(one.mean_reward, one.standard_error)), h("span", { class: "quiet" }, ` ${rewards(one.samples)}, moving average ${signed(one.moving_average)}`))],
      counts && h("p", { class: "quiet" }, `Runs: ${counts}`)),
    playbook && h("p", { class: "do", "data-operate": true }, h("button", { type: "button", class: "small", "aria-label": `Run ${playbook.id}`, onclick: run }, "Run …")),
    playbook && h("details", {}, h("summary", {}, "Steps and limits"), inside(playbook)));
}

function inside(playbook) {
  const told = (values) => Object.entries(values).map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ");
  return [h("ol", { class: "steps" }, playbook.steps.map((step) => h("li", {}, h("p", {}, h("b", {}, words(step.kind)), " ", h("span", { class: "quiet" }, told(step.arguments)))))),
    Object.keys(playbook.parameters).length > 0 && h("p", {}, `Parameters: ${told(playbook.parameters)}.`),
    h("p", { class: "quiet" }, `At most ${number(playbook.per_hour)} an hour, one at a time on a subject, within ${number(playbook.timeout_s)} s; judged after ${number(playbook.settle_s)} s.`)];
}

function cells(policies) {
  const met = policies.filter((cell) => cell.samples > 0);
  byId("cells").hidden = met.length === 0;
  const open = new Set([...document.querySelectorAll("#policies details[open]")].map((node) => node.dataset.cell));
  refill(byId("policies"), met.map((cell) => {
    const name = `${cell.service} ${cell.diagnosis}`;
    const nothing = cell.candidates.find((one) => one.playbook === NOTHING)?.expected_reward ?? null;
    return h("details", { open: open.has(name) || met.length === 1, data: { cell: name } },
      h("summary", {}, h("b", {}, cell.service), " · ", cell.diagnosis, h("span", { class: "quiet" }, ` · ${rewards(cell.samples)}; likeliest: ${likeliest(cell)}`)),
      h("p", {}, "Its plot: ", seriesLink(cell.diagnosis)),
      h("ul", { class: "playbooks" }, cell.candidates.map((one) => candidate(one, nothing))));
  }));
}

const likeliest = (cell) => cell.candidates.reduce((best, one) => (one.probability > best.probability ? one : best)).playbook;

function candidate(one, nothing) {
  return h("li", {},
    h("div", { class: "what" }, h("p", {}, h("b", { class: "key" }, one.playbook === NOTHING ? "do nothing" : one.playbook)), h("p", { class: "quiet" }, one.samples ? `${rewards(one.samples)} here, moving average ${signed(one.moving_average)}` : "not tried here")),
    h("div", { class: "earned" }, interval(one.expected_reward, one.uncertainty, nothing),
      h("p", {}, h("b", {}, inWords(one.expected_reward, one.uncertainty)), h("span", { class: "quiet" }, " expected", one.effect === null ? "" : `; ${signed(one.effect)} against doing nothing`))),
    h("p", { class: "do" }, h("b", {}, percent(one.probability)), h("span", { class: "quiet" }, " chance")));
}

function refresh() {
  load();
  list.refresh();
}

form.addEventListener("input", () => {
  remember();
  list.restart();
});
const calmRefresh = live.calmly(() => { if (!document.querySelector("dialog[open]")) refresh(); }, 1000);
live.on("entry", (entry) => { if (entry.type.startsWith("playbook.")) calmRefresh(); });
begin();
list.restart();
load().then(() => {
  const asked = byId(decodeURIComponent(location.hash.slice(1)));
  if (!asked) return;
  reveal(asked);
  asked.scrollIntoView({ block: "center" });
});
