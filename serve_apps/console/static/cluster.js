// The page of one cluster: its events, why it is so urgent, and what was done about it.

import * as actions from "./actions.js";
import { get } from "./api.js";
import { failed } from "./dialog.js";
import { byId, fill, h } from "./dom.js";
import { exactly, number, time } from "./format.js";
import * as live from "./live.js";
import { begin } from "./shell.js";
import { clusterLink, facts, keyOf, meter, missionCard, outcome, panel, sentence, state, statement, wording } from "./widgets.js";

const key = decodeURIComponent(location.pathname.slice("/clusters/".length));
const path = `/api/clusters/${encodeURIComponent(key)}`;
const picked = new Set();

async function load() {
  try {
    const cluster = await get(path);
    const why = await get(`/api/explain/${encodeURIComponent(key)}`).catch(() => null);
    head(cluster);
    fill(byId("body"), h("div", { class: "columns wide-left" },
      h("div", {}, whyPanel(cluster, why), await knowledgePanel(cluster), eventsPanel(cluster), templatesPanel(cluster)),
      h("div", {}, measures(cluster), overridesPanel(cluster), groupPanel(cluster.group), missionsPanel(cluster))));
  } catch (error) {
    failed(byId("body"), error, load);
  }
}

function head(cluster) {
  document.title = `${key} · Grace`;
  fill(byId("title"), wording(cluster) || key, " ", state(cluster.status));
  fill(byId("wording"), h("span", { class: "key parted" }, keyOf(cluster)));
  const button = (label, action, extra = {}) => h("button", { type: "button", onclick: () => run(action), ...extra }, label);
  const isOver = cluster.status === "resolved" || cluster.status === "merged";
  fill(byId("actions"),
    isOver ? button("Reopen", actions.reopen) : [
      cluster.status !== "acknowledged" && button("Acknowledge", actions.acknowledge, { class: "primary" }),
      cluster.status !== "silenced" && button("Silence …", actions.silence),
      button("Resolve …", actions.resolve)],
    button("Severity …", (keys) => actions.severity(keys, cluster.severity)),
    (cluster.overrides ?? []).length > 0 && button("Take back", actions.clear, { title: "End every word that a person put on this cluster" }),
    button("Undo merge or split", actions.undo, { class: "plain" }),
    h("a", { href: `/journal?subject=${encodeURIComponent(key)}`, class: "button plain" }, "In the journal"));
}

async function run(action) {
  if (await action([key])) await load();
}

function measures(cluster) {
  return panel("At a glance", facts(
    ["Urgency", meter(cluster.urgency_score, "Urgency")],
    ["Recurrence", meter(cluster.recurrence_score, "Recurrence")],
    ["Events", number(cluster.event_count)],
    ["First seen", time(cluster.first_seen)],
    ["Last seen", time(cluster.last_seen)],
    ["Reopened", cluster.reopened_count ? cluster.reopened_count === 1 ? "once" : `${cluster.reopened_count} times` : ""],
    ["Resolved", cluster.resolved_at ? [time(cluster.resolved_at), cluster.resolved_by ? sentence(` by ${cluster.resolved_by}`) : ""] : ""],
    ["Merged into", cluster.merged_into ? clusterLink(cluster.merged_into) : ""],
    ["Grace", outcome(cluster) ?? "has not looked into it yet"],
    ["Sources", sources(cluster.sources)]));
}

function sources(counts = {}) {
  const all = Object.entries(counts).sort(([, one], [, other]) => other - one);
  if (!all.length) return "";
  return h("ul", { class: "counts" }, all.slice(0, 8).map(([name, count]) => h("li", {}, h("code", {}, name), h("span", {}, number(count)))),
    all.length > 8 && h("li", { class: "quiet" }, `and ${all.length - 8} more`));
}

function whyPanel(cluster, why) {
  const answer = why?.answer?.length ? why.answer : cluster.reasons ?? [];
  const because = why?.facts ?? [];
  return panel("Why",
    answer.length ? h("ul", { class: "reasons" }, answer.map((one) => h("li", {}, sentence(one)))) : h("p", { class: "quiet" }, "No reason is recorded yet."),
    because.length > 0 && h("details", {}, h("summary", {}, `The ${because.length} journal entries that this rests on`),
      h("ul", { class: "trail" }, because.map((fact) => h("li", {}, time(fact.at), " ",
        fact.seq ? h("a", { href: `/journal/${Number(fact.seq)}` }, fact.type) : fact.type, fact.why ? `: ${fact.why}` : "")))));
}

function eventsPanel(cluster) {
  const events = cluster.events ?? cluster.sample ?? [];
  if (!events.length) return panel("Events", h("p", { class: "quiet" }, "No sample is kept."));
  return panel(`Events, ${number(events.length)} of ${number(cluster.event_count)}`,
    h("ul", { class: "events" }, [...events].reverse().map((event) => h("li", {}, h("details", {},
      h("summary", {}, time(event.at), h("code", { class: "quiet" }, event.source ?? ""), h("span", { class: "gist" }, event.message || event.type || event.id)),
      h("pre", {}, JSON.stringify(event, null, 2)),
      event.seq && h("p", {}, h("a", { href: `/journal/${Number(event.seq)}` }, `Journal entry ${event.seq}`)))))));
}

function templatesPanel(cluster) {
  const all = Object.entries(cluster.templates ?? {}).sort(([, one], [, other]) => other - one);
  if (all.length < 2) return null;
  const split = h("button", { type: "button", "data-operate": true, disabled: true, onclick: async () => {
    if (await actions.split(key, [...picked])) {
      picked.clear();
      await load();
    }
  } }, "Split off …");
  const examples = new Map((cluster.events ?? []).map((event) => [event.template, event.message]));
  const pick = (name) => h("input", { type: "checkbox", checked: picked.has(name), "aria-label": `Split off ${examples.get(name) ?? name}`, onchange: (event) => {
    event.target.checked ? picked.add(name) : picked.delete(name);
    split.disabled = picked.size === 0 || picked.size === all.length;
  } });
  return panel(`Kinds of message, ${number(all.length)}`, h("p", { class: "quiet" }, "One message of each kind, and how many there were. Kinds that are another fault can be split off."),
    h("ul", { class: "templates" }, all.map(([name, count]) => h("li", {}, h("label", {}, pick(name),
      h("span", {}, examples.get(name) ? h("span", {}, examples.get(name)) : h("span", { class: "quiet" }, "no message of it is kept: ", h("code", {}, name)))), h("span", { title: `Template ${name}` }, number(count))))),
    h("p", {}, split));
}

function overridesPanel(cluster) {
  const words = cluster.overrides ?? [];
  if (!words.length) return null;
  return panel("What people said", h("ul", { class: "reasons" }, words.map((word) => h("li", {},
    h("b", {}, word.action), word.value ? ` ${word.value}` : "", ` by ${word.by}, `, time(word.at),
    word.until ? [", until ", exactly(word.until), " (", time(word.until), ")"] : ", until taken back",
    word.note && h("p", { class: "quiet" }, word.note)))));
}

function groupPanel(group) {
  if (!group || (group.clusters ?? []).length < 2) return null;
  return panel("Incident group", h("p", {}, h("b", {}, group.title)),
    h("ul", { class: "reasons" }, (group.reasons ?? []).map((reason) => h("li", {}, sentence(reason)))),
    (group.entities ?? []).length > 0 && h("p", {}, "Names that they have in common: ", group.entities.join(", ")),
    h("p", { class: "quiet" }, "Clusters that the same fault explains:"),
    h("ul", { class: "plainlist" }, (group.clusters ?? []).map((one) => h("li", {}, one === key ? h("span", { class: "key" }, one, " (this)") : clusterLink(one)))));
}

function missionsPanel(cluster) {
  const missions = cluster.missions ?? [];
  return panel("Missions", missions.length ? h("ul", { class: "cards" }, missions.map(missionCard)) : h("p", { class: "quiet" }, "None yet. One starts when this cluster becomes urgent."));
}

async function knowledgePanel(cluster) {
  const wanted = new Set(cluster.knowledge ?? []);
  const known = new Map((cluster.missions ?? []).flatMap((mission) => mission.knowledge_acquired ?? []).map((item) => [item.id, item]));
  const others = [...wanted].filter((id) => !known.has(id)).slice(0, 10);
  const found = await Promise.all(others.map((id) => get(`/api/explain/${encodeURIComponent(id)}`).catch(() => null)));
  for (const one of found) if (one?.statement) known.set(one.statement.id, one.statement);
  const items = [...wanted].map((id) => known.get(id)).filter(Boolean);
  if (!items.length) return null;
  return panel("Knowledge applied", h("ul", { class: "statements" }, items.map((item) => statement(item, actions.voteOn(item.id)))));
}

const calmLoad = live.calmly(() => {
  if (!document.querySelector("dialog[open]") && !document.querySelector("#body details[open]") && !picked.size) load();
}, 2000);
live.on("entry", (entry) => {
  if (entry.subject === key || entry.body?.cluster_key === key) calmLoad();
});
begin();
load();
