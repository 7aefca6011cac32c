// The page of one run of a playbook: its steps, its approval, and what came of it.

import { get } from "./api.js";
import { failed } from "./dialog.js";
import { byId, fill, h } from "./dom.js";
import { duration, percent, quantity, time } from "./format.js";
import * as live from "./live.js";
import { interval, inWords, rewardWord, signed } from "./rewards.js";
import { OPEN, about, approve, cancel, reject, setting, steps } from "./runs.js";
import { seriesLink } from "./series.js";
import { begin } from "./shell.js";
import { facts, panel, sentence, state, words } from "./widgets.js";

const id = decodeURIComponent(location.pathname.slice("/playbooks/runs/".length));
const NOTHING = "do_nothing";

async function load() {
  try {
    const run = await get(`/api/playbook-runs/${encodeURIComponent(id)}`);
    const [playbook, choice, metrics, history] = await Promise.all([
      get(`/api/playbooks/${encodeURIComponent(run.playbook)}`).catch(() => null), choiceOf(run), units(run),
      get("/api/journal", { subject: id, order: "desc", limit: 50 }).catch(() => ({ items: [] }))]);
    head(run, playbook);
    fill(byId("body"), h("div", { class: "columns wide-left" },
      h("div", {}, panel("Steps", steps(run)), kpis(run, metrics), choicePanel(run, choice)),
      h("div", {}, glance(run), historyPanel(history.items))));
  } catch (error) {
    failed(byId("body"), error, load);
  }
}

/** What Grace chose among, from the journal; null where a person chose. */
async function choiceOf(run) {
  if (!run.choice_id) return null;
  const { items } = await get("/api/journal", { type: "playbook.chosen", subject: run.subject, order: "desc", limit: 100 }).catch(() => ({ items: [] }));
  return items.find((entry) => entry.body?.choice_id === run.choice_id) ?? null;
}

async function units({ before, after }) {
  if (!Object.keys(before).length && !Object.keys(after).length) return new Map();
  const { items } = await get("/api/metrics", { limit: 1000 }).catch(() => ({ items: [] }));
  return new Map(items.map((one) => [one.metric, one]));
}

function head(run, playbook) {
  document.title = `${run.playbook} · Grace`;
  fill(byId("title"), h("a", { class: "key", href: `/playbooks#playbook-${encodeURIComponent(run.playbook)}` }, run.playbook), " ", state(run.status), run.is_dry && [" ", h("span", { class: "state plain" }, "dry run")], run.reward !== null && [" ", rewardWord(run.reward)]);
  fill(byId("about"), playbook?.description ?? "");
  const button = (label, action, extra = {}) => h("button", { type: "button", onclick: async () => { if (await action(run)) await load(); }, ...extra }, label);
  fill(byId("actions"),
    run.status === "awaiting_approval" && [button("Approve …", approve, { class: "primary" }), button("Reject …", reject)],
    OPEN.has(run.status) && button("Call off …", cancel),
    h("a", { class: "button plain", href: `/journal?subject=${encodeURIComponent(id)}` }, "In the journal"));
}

function glance(run) {
  const took = run.started_at && run.ended_at ? (Date.parse(run.ended_at) - Date.parse(run.started_at)) / 1000 : null;
  return panel("At a glance", facts(
    ["On", about(run)], ["Service", run.service], ["Diagnosis", run.diagnosis],
    ["Chosen by", run.choice_id ? "Grace, by what it has learned" : run.by], ["Approved by", run.approved_by],
    ["Created", time(run.created_at)], ["Started", run.started_at ? time(run.started_at) : "not yet"], ["Took", took === null ? "" : duration(took)],
    ["Parameters", Object.entries(run.parameters).map(setting).join(", ")],
    ["Reward", run.reward === null ? (run.is_dry || !run.diagnosis || ["rejected", "cancelled"].includes(run.status) ? "" : "not known yet") : `${signed(run.reward)} on a scale from −1 to +1`],
    ["Error", run.error]));
}

function kpis({ before, after, subject }, metrics) {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort((one, other) => (other === subject) - (one === subject) || one.localeCompare(other));
  if (!names.length) return null;
  return panel("Before and after", h("ul", { class: "kpis" }, names.map((name) => kpi(name, before[name], after[name], metrics.get(name.split("{")[0])))));
}

function kpi(name, before, after, metric) {
  const change = before === undefined || after === undefined ? null : after - before;
  const isBetter = change !== null && metric?.direction && change !== 0 ? (change < 0) === (metric.direction === "higher_is_worse") : null;
  const unit = metric?.unit ?? "";
  return h("li", {}, seriesLink(name), h("span", {}, h("span", { class: "unseen" }, "before "), quantity(before, unit), " → ", h("span", { class: "unseen" }, "after "), quantity(after, unit)),
    h("span", { class: isBetter === null ? "quiet" : isBetter ? "better" : "worse" }, change === null ? "not measured again" : `${change > 0 ? "+" : ""}${quantity(change, unit)}${isBetter === null ? "" : isBetter ? ", better" : ", worse"}`));
}

function choicePanel(run, entry) {
  if (!entry) return null;
  const { candidates, refused = {}, playbook, propensity, context = {} } = entry.body;
  const nothing = candidates.find((one) => one.playbook === NOTHING)?.expected_reward ?? null;
  const ranked = [...candidates].sort((one, other) => other.probability - one.probability);
  return panel("What it was chosen among", h("p", { class: "quiet" }, `Chosen with a probability of ${percent(propensity)}. The bars show the expected reward from −1 to +1 with its 95% interval; the upright line is doing nothing, the dotted one is 0. `, h("a", { href: `/journal/${Number(entry.seq)}` }, `Journal entry ${entry.seq}`)),
    h("ul", { class: "playbooks" }, ranked.map((one) => h("li", {},
      h("div", { class: "what" }, h("p", {}, h("b", { class: "key" }, one.playbook === NOTHING ? "do nothing" : one.playbook), " ", one.playbook === playbook && h("span", { class: "state busy" }, "chosen")),
        (one.reasons ?? []).length > 0 && h("p", { class: "quiet" }, one.reasons[0])),
      h("div", { class: "earned" }, interval(one.expected_reward, one.uncertainty, nothing), h("p", {}, inWords(one.expected_reward, one.uncertainty))),
      h("p", { class: "do" }, h("b", {}, percent(one.probability)), h("span", { class: "quiet" }, " chance"))))),
    Object.keys(refused).length > 0 && h("div", {}, h("p", { class: "quiet" }, "Not possible now:"), h("ul", { class: "reasons" }, Object.entries(refused).map(([name, rule]) => h("li", {}, h("b", { class: "key" }, name), ": ", sentence(rule))))),
    Object.keys(context).length > 0 && h("details", {}, h("summary", {}, "What was known of the situation"), facts(...Object.entries(context).map(([name, value]) => [words(name), typeof value === "number" ? quantity(value) : String(value)]))));
}

function historyPanel(entries) {
  if (!entries.length) return null;
  return panel("Course", h("ol", { class: "trail" }, entries.map((entry) => h("li", {}, time(entry.at), " ", h("a", { href: `/journal/${Number(entry.seq)}` }, entry.type.replace(/^playbook\./, "")), entry.body?.by ? ` by ${entry.body.by}` : "", entry.body?.note ? `: ${entry.body.note}` : ""))));
}

const calmLoad = live.calmly(() => { if (!document.querySelector("dialog[open], #body details[open]")) load(); }, 500);
live.on("entry", (entry) => { if (entry.subject === id || entry.body?.run_id === id) calmLoad(); });
begin();
load();
