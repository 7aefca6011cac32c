// The page of one mission: what each strategy found.

import { voteOn } from "./actions.js";
import { get, post } from "./api.js";
import { ask, complain, failed, toast } from "./dialog.js";
import { byId, fill, h, source } from "./dom.js";
import { duration, number, percent, time } from "./format.js";
import * as live from "./live.js";
import { begin } from "./shell.js";
import { clusterLink, facts, gist, panel, sentence, state, statement, words } from "./widgets.js";

const id = decodeURIComponent(location.pathname.slice("/missions/".length));
const path = `/api/missions/${encodeURIComponent(id)}`;

async function load() {
  try {
    const mission = await get(path);
    const steps = await get("/api/journal", { subject: id, order: "desc", limit: 30 }).catch(() => ({ items: [] }));
    head(mission);
    fill(byId("body"), h("div", { class: "columns wide-left" },
      h("div", {}, knowledge(mission), strategies(mission)),
      h("div", {}, glance(mission), sources(mission), history(steps.items))));
  } catch (error) {
    failed(byId("body"), error, load);
  }
}

function head(mission) {
  document.title = `${mission.description} · Grace`;
  fill(byId("title"), mission.description || id, " ", state(mission.status));
  const isOpen = mission.status === "pending" || mission.status === "running";
  fill(byId("actions"),
    isOpen && h("button", { type: "button", onclick: cancel }, "Cancel mission …"),
    h("a", { class: "button plain", href: `/journal?subject=${encodeURIComponent(id)}` }, "In the journal"));
}

async function cancel() {
  const answer = await ask({ title: "Cancel this mission?", fields: [{ name: "note", label: "Note" }], submit: "Cancel it", danger: true });
  if (!answer) return;
  try {
    await post(`${path}/cancel`, answer.note ? { note: answer.note } : {});
    toast("The mission is cancelled.");
    await load();
  } catch (error) {
    complain(error);
  }
}

function glance(mission) {
  const took = mission.started_at && mission.ended_at ? (Date.parse(mission.ended_at) - Date.parse(mission.started_at)) / 1000 : null;
  return panel("At a glance", facts(
    ["Question", mission.question?.text],
    ["Cluster", mission.cluster_key ? clusterLink(mission.cluster_key) : ""],
    ["Why", mission.reason ? sentence(mission.reason) : ""],
    ["Kind", words(mission.mission_type)],
    ["Priority", percent(mission.priority)],
    ["Created", time(mission.created_at)],
    ["Started", mission.started_at ? time(mission.started_at) : "not yet"],
    ["Ended", mission.ended_at ? time(mission.ended_at) : ""],
    ["Took", took === null ? "" : duration(took)],
    ["Attempt", mission.attempt > 1 ? mission.attempt : ""],
    ["Worker", mission.status === "running" ? mission.worker : ""],
    ["Afterwards", mission.helped === true ? "The trouble stayed away." : mission.helped === false ? "The trouble came back." : ""],
    ["Error", mission.error]));
}

function knowledge(mission) {
  const learned = mission.knowledge_acquired ?? [];
  const nothing = { pending: "It waits for its turn.", running: "It is on its way; what it learns appears here." }[mission.status] ?? "It brought nothing home.";
  return panel("What it learned", mission.summary && h("p", { class: "summary" }, mission.summary),
    learned.length ? h("ol", { class: "statements" }, learned.map((item) => statement(item, voteOn(item.id)))) : h("p", { class: "quiet" }, nothing));
}

function strategies(mission) {
  const tried = mission.strategies ?? [];
  if (!tried.length) return panel("Strategies", h("p", { class: "quiet" }, "None tried yet."));
  return panel("Strategies tried", h("ol", { class: "tried" }, tried.map((report) => h("li", {},
    h("p", {}, h("b", {}, report.strategy), " ", state(report.status), h("span", { class: "quiet" }, report.duration_s ? ` ${duration(report.duration_s)}` : "")),
    report.detail && h("p", {}, report.detail),
    (report.sources ?? []).length > 0 && h("ul", { class: "plainlist" }, report.sources.map((one) => h("li", {}, source(one))))))));
}

function sources(mission) {
  const read = mission.sources ?? [];
  return read.length ? panel(`Sources read, ${number(read.length)}`, h("ul", { class: "plainlist" }, read.map((one) => h("li", {}, source(one))))) : null;
}

function history(entries) {
  if (!entries.length) return null;
  return panel("Progress", h("ol", { class: "trail" }, entries.map((entry) => h("li", {}, time(entry.at), " ",
    h("a", { href: `/journal/${entry.seq}` }, entry.type), entry.type === "mission.progress" ? `: ${gist(entry)}` : ""))));
}

const calmLoad = live.calmly(() => { if (!document.querySelector("dialog[open]")) load(); }, 800);
live.on("entry", (entry) => {
  if (entry.subject === id || entry.body?.mission_id === id) calmLoad();
});
begin();
load();
