// The page of clusters, most urgent first.

import * as actions from "./actions.js";
import { get } from "./api.js";
import { byId, fill, h } from "./dom.js";
import { number, time } from "./format.js";
import { paged, remembered, valuesOf } from "./list.js";
import * as live from "./live.js";
import { begin, isShortcut } from "./shell.js";
import { clusterTitle, meter, outcome, sentence, state, wording } from "./widgets.js";

const form = byId("filters");
const remember = remembered(form);
const chosen = new Set();
let at = -1;

const list = paged((after) => get("/api/clusters", { status: valuesOf(form).status ?? "", limit: 100, after }), draw);

function wanted(cluster) {
  const asked = (valuesOf(form).find ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const text = [cluster.cluster_key, cluster.status, wording(cluster), ...(cluster.reasons ?? []), ...Object.keys(cluster.sources ?? {})].join(" ").toLowerCase();
  return asked.every((word) => text.includes(word));
}

function draw(items) {
  const focused = document.activeElement?.closest("tr")?.dataset.key;
  const shown = items.filter(wanted);
  const keys = new Set(shown.map((cluster) => cluster.cluster_key));
  for (const key of chosen) if (!keys.has(key)) chosen.delete(key);
  fill(byId("rows"), shown.map(row));
  document.querySelector("table.clusters").hidden = shown.length === 0;
  if (focused) rows().find((node) => node.dataset.key === focused)?.querySelector("a.key").focus();
  mark();
  return shown.length;
}

function row(cluster) {
  const key = cluster.cluster_key;
  const why = (cluster.reasons ?? []).at(-1);
  const tick = h("input", { type: "checkbox", "aria-label": `Select ${key}`, checked: chosen.has(key), onchange: (event) => { event.target.checked ? chosen.add(key) : chosen.delete(key); mark(); } });
  return h("tr", { data: { key } },
    h("td", { class: "check" }, tick),
    h("td", { class: "urgency" }, meter(cluster.urgency_score, "Urgency"), h("small", { class: "quiet", title: "Recurrence" }, `recurs ${(cluster.recurrence_score ?? 0).toFixed(2)}`)),
    h("td", { class: "what" },
      clusterTitle(cluster),
      why && h("p", { class: "why" }, sentence(why))),
    h("td", { class: "number", data: { unit: cluster.event_count === 1 ? "event" : "events" } }, number(cluster.event_count)),
    h("td", { class: "seen" }, time(cluster.last_seen)),
    h("td", { class: "states" }, state(cluster.status),
      outcome(cluster)),
    h("td", { class: "do", "data-operate": true }, buttons(cluster)));
}

function buttons(cluster) {
  const button = (label, action, keys) => h("button", { type: "button", class: "small", onclick: () => run(action, keys) }, label);
  const keys = [cluster.cluster_key];
  if (cluster.status === "resolved" || cluster.status === "merged") return button("Reopen", actions.reopen, keys);
  return [cluster.status === "open" && button("Acknowledge", actions.acknowledge, keys),
    cluster.status !== "silenced" && button("Silence …", actions.silence, keys),
    button("Resolve …", actions.resolve, keys)];
}

async function run(action, keys) {
  if (keys.length && (await action(keys))) {
    chosen.clear();
    await list.refresh();
  }
}

function mark() {
  byId("selection").hidden = chosen.size === 0;
  byId("selected-count").textContent = chosen.size;
  byId("selection").querySelector("[data-do=merge]").disabled = chosen.size < 2;
  for (const node of rows()) node.classList.toggle("chosen", chosen.has(node.dataset.key));
}

const rows = () => [...byId("rows").children];
const here = () => document.activeElement?.closest("tr")?.dataset.key ?? rows()[at]?.dataset.key;

function move(step) {
  const current = rows().findIndex((node) => node.contains(document.activeElement));
  at = Math.min(rows().length - 1, Math.max(0, (current < 0 ? at : current) + step));
  rows()[at]?.querySelector("a.key").focus();
}

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  x: () => {
    const key = here();
    if (!key) return;
    chosen.has(key) ? chosen.delete(key) : chosen.add(key);
    list.redraw();
  },
  a: () => run(actions.acknowledge, aimed()),
  s: () => run(actions.silence, aimed()),
  r: () => run(actions.resolve, aimed()),
};

const aimed = () => (chosen.size ? [...chosen] : [here()].filter(Boolean));

let went = false;
document.addEventListener("keydown", (event) => {
  if (!isShortcut(event)) return;
  if (!went && KEYS[event.key]) {
    event.preventDefault();
    KEYS[event.key]();
  }
  went = event.key === "g";
});
form.addEventListener("input", (event) => {
  remember();
  if (event.target.name === "find") list.redraw();
  else list.restart();
});
form.addEventListener("submit", (event) => event.preventDefault());
byId("selection").addEventListener("click", (event) => {
  const what = event.target.closest("button")?.dataset.do;
  if (what === "none") {
    chosen.clear();
    list.redraw();
  } else if (what) run(actions[what], [...chosen]);
});

const calmRefresh = live.calmly(() => { if (!document.querySelector("dialog[open]")) list.refresh(); }, 3000);
live.on("entry", (entry) => { if (entry.kind === "finding" || entry.kind === "decision" || entry.kind === "mission") calmRefresh(); });
let processed = null;
live.on("stats", (now) => {
  if (processed !== null && now.events_processed !== processed) calmRefresh();
  processed = now.events_processed;
});
begin([["j, k", "next, previous cluster"], ["x", "select"], ["a, s, r", "acknowledge, silence, resolve"]]);
list.restart();
