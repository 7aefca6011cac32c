// What several pages show: severities, states, meters, statements, entries.

import { h, source } from "./dom.js";
import { clock, clockTime, counted, duration, exactly, percent, time } from "./format.js";
import { gist } from "./gist.js";
import { words } from "./words.js";

export { gist, words };

const STATES = {
  open: "plain", acknowledged: "mild", silenced: "mild", resolved: "good", merged: "mild",
  running: "busy", pending: "mild", completed: "good", failed: "bad", timed_out: "bad", cancelled: "mild",
  awaiting_approval: "warn", undone: "warn", interrupted: "bad", rejected: "mild", done: "good", skipped: "mild",
  breached: "bad", prevented: "good", false_alarm: "mild",
  found: "good", nothing: "mild", unreachable: "bad", refused: "bad", disabled: "mild", error: "bad",
};

export const severity = (name) => h("span", { class: `severity ${/^[a-z]+$/.test(name) ? name : ""}` }, name);

export const state = (name) => h("span", { class: `state ${STATES[name] ?? "mild"}` }, words(name));

/** A bar for a share of 1, with its number as `shown` says it. */
export function meter(value, label, shown = (share) => share.toFixed(2)) {
  const share = Math.min(1, Math.max(0, value ?? 0));
  const bar = h("span", { class: "meter", role: "meter", "aria-label": label, "aria-valuenow": share.toFixed(2), "aria-valuemin": 0, "aria-valuemax": 1, "aria-valuetext": shown(share) },
    h("i", {}));
  bar.firstChild.style.width = `${share * 100}%`;
  bar.dataset.level = share >= 0.7 ? "high" : share >= 0.4 ? "mid" : "low";
  return h("span", { class: "measure" }, bar, h("b", {}, shown(share)));
}

/** A bar for a probability, in percent. */
export const chance = (value, label) => meter(value, label, percent);

/** Terms and descriptions; rows without a description are left out. */
export function facts(...rows) {
  const told = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", { class: "facts" }, told.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))));
}

export function panel(title, ...content) {
  return h("section", { class: "panel" }, h("header", {}, h("h2", {}, title)), content);
}

export const clusterPath = (key) => `/clusters/${encodeURIComponent(key)}`;
export const clusterLink = (key) => h("a", { href: clusterPath(key), class: "key" }, key);

const TEMPLATE = /^t-[0-9a-f]{12}$/;

/** A cluster's key, taken apart; a pattern that is only a template's number stays in the background. */
export const keyOf = (cluster) => [h("span", {}, cluster.domain), severity(cluster.severity),
  h(TEMPLATE.test(cluster.pattern_type) ? "small" : "b", {}, cluster.pattern_type)];

/** The link to a cluster: what it says, and under it its key. */
export const clusterTitle = (cluster) => [h("a", { class: "key title", href: clusterPath(cluster.cluster_key) }, wording(cluster) || cluster.cluster_key),
  h("span", { class: "key parted" }, keyOf(cluster))];

/** What Grace did about a cluster, as a link to its mission; null where it did nothing. */
export function outcome(cluster) {
  if (!cluster.learning_mission_id) return null;
  const learned = counted(cluster.knowledge?.length ?? 0, "statement");
  const [level, said] = {
    open: ["busy", "learning …"], completed: ["good", `${learned} learned`], helped: ["good", `${learned} learned, and it helped`],
    did_not_help: ["bad", `came back, ${learned} known`], failed: ["bad", "nothing learned"],
    timed_out: ["bad", "learning took too long"], cancelled: ["mild", "mission cancelled"],
  }[cluster.mission_status] ?? ["mild", "mission"];
  return h("a", { class: "outcome", href: missionPath(cluster.learning_mission_id), data: { level } }, said);
}
export const missionPath = (id) => `/missions/${encodeURIComponent(id)}`;

/** The newest message of a cluster, "" where none is kept. */
export const wording = (cluster) => (cluster.sample ?? []).at(-1)?.message ?? "";

const MARKED = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))|([Mm]ission) ([0-9a-f]{8}-[0-9a-f-]{27})|\b(\d{3,7}) s\b/g;

/** A sentence of Grace's, its times readable and its missions linked. */
export function sentence(text) {
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(MARKED)) {
    parts.push(text.slice(from, found.index));
    const [whole, at, mission, id, seconds] = found;
    if (at) parts.push(h("span", { title: exactly(at) }, clock(at)));
    else if (seconds) parts.push(duration(Number(seconds)));
    else parts.push(h("a", { href: missionPath(id) }, `${mission} ${id.slice(0, 8)}…`));
    from = found.index + whole.length;
  }
  return [...parts, text.slice(from)];
}

/** A mission as a line of a list. */
export function missionCard(mission) {
  const learned = mission.knowledge_acquired?.length ?? 0;
  const error = (mission.error ?? "").replace(/^(Nothing was learned\.) Nothing was learned: /, "$1 ");
  return h("li", { class: "card" },
    h("a", { class: "main", href: missionPath(mission.mission_id) }, mission.description || mission.mission_id),
    h("p", { class: "tags" }, state(mission.status), h("span", { class: "quiet" }, time(mission.ended_at ?? mission.started_at ?? mission.created_at)),
      learned ? h("span", {}, `${counted(learned, "statement")} from ${counted(mission.sources?.length ?? 0, "source")}`) : null,
      mission.helped === true ? h("span", { class: "state good" }, "it helped") : mission.helped === false ? h("span", { class: "state bad" }, "the trouble came back") : null,
      mission.cluster_key && h("a", { class: "quiet", href: clusterPath(mission.cluster_key), title: mission.cluster_key }, "its cluster")),
    error && h("p", { class: "quiet why" }, error));
}

/** Text with Markdown's code in it: fenced blocks and `spans` are set apart, the rest stays as it was written. */
export function prose(text) {
  return text.split(/^```[\w-]*[ \t]*\n([\s\S]*?)(?:^```[ \t]*$\n?|$(?![\s\S]))/m).map((part, place) => (place % 2
    ? h("pre", {}, part.replace(/\n$/, ""))
    : part.split(/`([^`\n]+)`/).map((piece, inner) => (inner % 2 ? h("code", {}, piece) : piece))));
}

/** A statement with the passage that it came from. `vote(useful)` is offered where given. */
export function statement(item, vote) {
  return h("li", { class: "statement" },
    h("p", { class: "said" }, prose(item.text)),
    item.passage && item.passage !== item.text && h("details", {}, h("summary", {}, "Passage"), h("blockquote", {}, prose(item.passage))),
    h("p", { class: "quiet" }, source(item.source), ` · ${item.origin} · confidence ${percent(item.confidence)}`,
      item.usefulness === null || item.usefulness === undefined ? "" : ` · useful ${percent(item.usefulness)}`, " · ", time(item.at)),
    vote && votes(vote));
}

/** Two buttons: did it help? */
export function votes(vote) {
  const cast = (useful) => async (event) => {
    const buttons = event.currentTarget.parentNode;
    if (await vote(useful)) for (const button of buttons.querySelectorAll("button")) button.setAttribute("aria-pressed", String((button.value === "yes") === useful));
  };
  return h("p", { class: "votes", "data-operate": true }, h("span", { class: "quiet" }, "Did it help?"),
    h("button", { type: "button", class: "small", value: "yes", "aria-pressed": "false", onclick: cast(true) }, "Yes"),
    h("button", { type: "button", class: "small", value: "no", "aria-pressed": "false", onclick: cast(false) }, "No"));
}

/** A journal entry as a line of a list. */
export function entryLine(entry) {
  const body = entry.body ?? {};
  return h("li", { class: `entry kind-${/^[a-z]+$/.test(entry.kind) ? entry.kind : ""}` },
    h("a", { href: `/journal/${entry.seq}`, title: `Entry ${entry.seq}` },
      clockTime(entry.at, "when"),
      h("span", { class: "kind" }, entry.kind),
      h("span", { class: "type" }, entry.type, body.severity ? [" ", severity(body.severity)] : null),
      h("span", { class: "gist" }, gist(entry) || entry.subject || entry.source)));
}
