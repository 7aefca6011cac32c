// The page one starts from: how Grace is, what is coming, what needs a person, and what happens.

import { get } from "./api.js";
import { failed } from "./dialog.js";
import { doings } from "./doings.js";
import { byId, fill, h, listening } from "./dom.js";
import { counted, number, time } from "./format.js";
import * as live from "./live.js";
import { keepOutlook } from "./outlook.js";
import { begin } from "./shell.js";
import { clusterTitle, entryLine, meter, outcome, words } from "./widgets.js";

const TICKER_MAX = 60;
const SPARK_MAX = 240;
const STAGES = { event: "sense", finding: "diagnose", decision: "decide", outcome: "act", mission: "act", knowledge: "learn", change: "learn" };
const ticker = byId("ticker");
const paused = byId("pause");
const points = [];
const before = { head: null, state: null };
let seen = 0;
let oldest = Infinity;

function figure(stage, value, beside) {
  const node = document.querySelector(`[data-stage=${stage}]`);
  const shown = number(value);
  const place = node.querySelector("[data-figure]");
  if (place.textContent !== shown) place.textContent = shown;
  if (beside !== undefined) node.querySelector("[data-beside]").textContent = beside || "\u00a0";
}

function pulse(stage) {
  const node = document.querySelector(`[data-stage=${stage}]`);
  node.classList.remove("turned");
  void node.offsetWidth; // start the animation anew
  node.classList.add("turned");
}

function health(score, status, open) {
  if (score === undefined || score === null) return;
  const of100 = Math.round(score <= 1 ? score * 100 : score);
  byId("score").textContent = of100;
  document.querySelector(".health").dataset.level = of100 >= 80 ? "good" : of100 >= 50 ? "mild" : "bad";
  if (status) byId("verdict").textContent = verdict(status, open);
}

const LEVELS = { ready: "ok", disabled: "off", starting: "mild", restoring: "mild" };
const VERDICTS = {
  healthy: "All is well.",
  ok: "All is well.",
  idle: "Quiet: nothing has come in yet.",
  warning: "There is something to look at.",
  degraded: "Something needs attention.",
  critical: "Something is badly wrong.",
};

function verdict(status, open) {
  if (VERDICTS[status] === VERDICTS.healthy && open) return `Grace runs well; ${counted(open, "cluster")} ${open === 1 ? "is" : "are"} open.`;
  return VERDICTS[status] ?? `The runtime is ${words(status)}.`;
}

function stats(now) {
  figure("sense", now.events_processed, `${number(now.events_per_minute)} a minute${now.pending ? `, ${number(now.pending)} waiting` : ""}`);
  figure("diagnose", now.active_clusters, `of ${number(now.clusters_created)} seen so far`);
  figure("decide", now.missions_launched, now.average_urgency === undefined ? "" : `mean urgency ${Number(now.average_urgency).toFixed(2)}`);
  figure("act", now.missions_running, `${number(now.missions_pending ?? 0)} waiting, ${number(now.missions_completed)} learned something`);
  figure("prove", now.journal_head, "chained, signed each minute");
  health(now.health_score, now.status, now.active_clusters);
  if (before.head !== null && now.journal_head > before.head) pulse("prove");
  before.head = now.journal_head;
  spark(now);
}

function spark(now) {
  const at = performance.now() / 1000;
  const [then] = points.slice(-1);
  if (then && at - then.at < 0.5) return; // figures that were held up come in a bunch
  if (then && now.events_processed >= then.count) {
    points.push({ at, count: now.events_processed, rate: (now.events_processed - then.count) / (at - then.at) });
  } else if (!then || now.events_processed < then.count) {
    points.push({ at, count: now.events_processed, rate: null });
  }
  if (points.length > SPARK_MAX) points.shift();
  const rates = points.map((point) => point.rate).filter((rate) => rate !== null);
  if (!rates.length) return;
  const most = Math.max(1, ...rates);
  const x = (index) => 240 - (rates.length - 1 - index) * (240 / (SPARK_MAX - 1));
  const line = rates.map((rate, index) => `${x(index).toFixed(1)},${(42 - 40 * (rate / most)).toFixed(1)}`).join("L");
  byId("spark").querySelector(".line").setAttribute("d", `M${line}`);
  byId("spark").querySelector(".area").setAttribute("d", `M${x(0).toFixed(1)},44L${line}L240,44Z`);
  byId("rate").textContent = number(rates.slice(-5).reduce((sum, rate) => sum + rate, 0) / Math.min(5, rates.length));
}

function entry(one) {
  pulse(STAGES[one.kind] ?? "sense");
  if (one.kind !== "event") calmReload();
  if (one.kind === "knowledge") calmKnowledge();
  if (paused.getAttribute("aria-pressed") === "true") return;
  seen += 1;
  if (seen === 1) ticker.replaceChildren();
  oldest = Math.min(oldest, one.seq);
  ticker.prepend(entryLine(one));
  while (ticker.children.length > TICKER_MAX) ticker.lastChild.remove();
}

function clusterRow(cluster) {
  return h("li", { class: "row" }, meter(cluster.urgency_score, "Urgency"),
    h("span", { class: "grow" }, clusterTitle(cluster),
      h("span", { class: "quiet" }, `${counted(cluster.event_count, "event")} · `, time(cluster.last_seen), outcome(cluster) && " · ", outcome(cluster))));
}

/** The open clusters, most urgent first; where there is none, those that were resolved last and how. */
function needs(open, resolved) {
  const rows = (items) => h("ul", { class: "rows" }, items.map(clusterRow));
  if (open.length) {
    const isStuck = open.some((cluster) => ["failed", "timed_out"].includes(cluster.mission_status));
    return [rows(open), isStuck && h("p", { class: "hint" }, "Nothing learned? A runbook about it helps: ", h("code", {}, "grace knowledge add FOLDER"),
      ". If it is nothing, resolve or silence it.")];
  }
  if (resolved.length) return [h("p", { class: "empty" }, h("strong", {}, "Nothing is open."), " Resolved lately:"), rows(resolved)];
  return byId("start").content.cloneNode(true);
}

async function reload() {
  try {
    const [clusters, done] = await Promise.all([get("/api/clusters", { status: "open", limit: 8 }), doings()]);
    const resolved = clusters.items.length ? [] : (await get("/api/clusters", { status: "resolved", limit: 5 })).items;
    fill(byId("top-clusters"), needs(clusters.items, resolved));
    fill(byId("missions"), done);
  } catch (error) {
    failed(byId("top-clusters"), error, reload);
  }
}

async function parts() {
  const status = await get("/api/status").catch((error) => ({ error: error.message }));
  if (status.error) {
    byId("verdict").textContent = status.error;
    document.querySelector(".health").dataset.level = "bad";
    byId("score").textContent = "–";
    byId("because").textContent = "What stands below is how it was before.";
    for (const part of byId("parts").children) part.className = "unknown";
    return;
  }
  fill(byId("parts"), Object.entries(status.parts ?? {}).map(([name, part]) =>
    h("li", { class: LEVELS[part.state] ?? "bad", title: part.fault || part.state }, words(name))));
  const now = await get("/api/learning-feedback/dashboard").catch(() => null);
  const worst = (now?.overview?.health ?? []).filter((one) => one.score < 100).sort((one, other) => one.score - other.score);
  byId("because").textContent = worst.slice(0, 2).map((one) => one.why).join(" ");
}

async function knowledge() {
  const known = await get("/api/knowledge/stats").catch(() => null);
  if (known) figure("learn", known.statements, `${counted(known.documents, "document")}, ${counted(known.passages, "passage")}`);
}

const calmReload = live.calmly(reload, 1000);
const calmKnowledge = live.calmly(knowledge, 3000);

paused.addEventListener("click", () => {
  const now = paused.getAttribute("aria-pressed") !== "true";
  paused.setAttribute("aria-pressed", String(now));
  paused.textContent = now ? "Go on" : "Pause";
});
live.on("stats", stats);
live.on("entry", entry);
live.on("state", (state) => {
  if (state !== before.state && before.state) parts();
  before.state = state;
});
fill(ticker, h("li", { class: "bare" }, listening()));
begin();
reload();
parts();
knowledge();
keepOutlook();
setInterval(parts, 15_000);
get("/api/journal", { order: "desc", limit: 15 }).then(({ items }) => {
  if (!items.length) return;
  if (!seen) ticker.replaceChildren();
  ticker.append(...items.filter((item) => item.seq < oldest).map(entryLine));
  seen += 1;
}).catch(() => null);
