// The page of one agent: how far it can be trusted, on what grounds, and what it recommended.

import { get } from "./api.js";
import { calibration, overTime } from "./chart.js";
import { failed } from "./dialog.js";
import { byId, fill, h } from "./dom.js";
import { number, percent, quantity, time } from "./format.js";
import * as live from "./live.js";
import { begin } from "./shell.js";
import { API, conditionWords, inShare, OWN, points, shareBar, strengthWord, trendWord } from "./trust.js";
import { facts, panel, words } from "./widgets.js";

const key = decodeURIComponent(location.pathname.slice("/agents/".length));
const workspace = new URLSearchParams(location.search).get("workspace") || OWN;
const asked = { workspace_id: workspace };
const path = encodeURIComponent(key);
const TYPES = 12;
const NEWEST = 10;
const GIST_MAX = 160;
const SURE = 1.96; // standard errors either side: 95%
const OUTCOMES = { approved: "good", partial: "warn", rejected: "bad", pending: "mild" };

async function load() {
  try {
    const score = await get(`${API}/trust-scores/${path}`, asked);
    const types = Object.keys(score.by_type).slice(0, TYPES);
    const [profile, newest, ...boosts] = await Promise.all([
      get(`${API}/agent-profiles/${path}`, asked), get(`${API}/recommendations/agent/${path}`, { ...asked, limit: NEWEST }),
      ...types.map((type) => get(`${API}/decision-boost`, { ...asked, agent_id: key, recommendation_type: type }).catch(() => null))]);
    head(score);
    fill(byId("body"), h("div", { class: "columns wide-left" },
      h("div", {}, timePanel(score), typesPanel(types, score, boosts), newestPanel(newest)),
      h("div", {}, glancePanel(score), calibrationPanel(score), profilePanel(profile))));
  } catch (error) {
    failed(byId("body"), error, load);
  }
}

const nameOf = (score) => score.agent_name || score.agent_id;

function head(score) {
  document.title = `${nameOf(score)} · Grace`;
  fill(byId("title"), nameOf(score), " ", trendWord(score.trend));
  fill(byId("about"), nameOf(score) !== key && [h("span", { class: "key" }, key), " · "], `in the workspace ${workspace}`);
}

function glancePanel(score) {
  const share = (name, value) => {
    const full = h("i", {});
    full.style.width = `${100 * value}%`;
    return h("li", {}, h("span", {}, name), h("span", { class: "bar-track", "aria-hidden": "true" }, full), h("b", {}, value.toFixed(2)));
  };
  return panel("At a glance", facts(
    ["Expected", [shareBar(score.expected, ...score.interval), inShare(score.expected, ...score.interval)]],
    ["Outcomes", [number(score.sample_size), score.approval_rate !== null && ` judged, ${percent(score.approval_rate)} approved`]],
    ["Quality", score.avg_quality_score === null ? "" : `${Math.round(score.avg_quality_score)} of 100 on average`],
    ["Trust score", score.sample_size > 0 ? [h("b", {}, score.overall_trust_score.toFixed(2)), " ", strengthWord(score.recommendation_strength)] : ""],
    ["Made", time(score.updated_at)]),
  score.sample_size > 0 && h("ul", { class: "shares" }, ["accuracy", "consistency", "timeliness", "reliability"].map((name) => share(name, score[`${name}_score`]))),
  h("p", { class: "quiet" }, "Decisions rest on what is expected; the trust score and its four parts are moving averages."));
}

function timePanel(score) {
  const now = { at: score.updated_at, overall: score.overall_trust_score, expected: score.expected, low: score.interval[0], high: score.interval[1] };
  const standings = [...score.history, now];
  return panel("Trust over time", standings.length > 1 ? overTime(nameOf(score), standings)
    : h("p", { class: "quiet" }, "There is only how it stands now. It is noted at each recalculation, every six hours."));
}

function typesPanel(types, score, boosts) {
  if (!types.length) return null;
  const more = Object.keys(score.by_type).length - types.length;
  return panel("By type", h("p", { class: "quiet" }, "What is expected of its next recommendation. The upright line is what is expected of all agents together; the difference is what its advice gains or loses by being its own."),
    h("table", { class: "jobs types" }, h("caption", { class: "unseen" }, "Expected success by type"),
      h("thead", {}, h("tr", {}, ["Type", "Expected success, 95% interval", "Against all", "Outcomes"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, types.map((type, place) => typeRow(type, score.by_type[type], boosts[place])))),
    more > 0 && h("p", { class: "quiet" }, `and ${number(more)} more`));
}

function typeRow(type, { expected, low, high, samples }, boost) {
  return h("tr", {}, h("th", { scope: "row" }, type),
    h("td", { class: "expected" }, shareBar(expected, low, high, boost?.fleet ?? null, "all agents"), h("span", {}, inShare(expected, low, high))),
    h("td", { data: { label: "Against all" } }, boost ? h("span", { class: `state ${boost.low > boost.fleet ? "good" : boost.high < boost.fleet ? "bad" : "mild"}` }, points(boost.boost)) : "–"),
    h("td", { data: { label: "Outcomes" } }, number(Math.round(samples))));
}

function calibrationPanel(score) {
  const { error, bins } = score.calibration;
  if (!bins?.length) return panel("Calibration", h("p", { class: "quiet" }, "It never said how sure it was."));
  const { said, came, word } = onAverage(bins);
  return panel("Calibration", h("p", {}, `On average it says ${percent(said)}, and ${percent(came)} comes of it: `, h("b", {}, word), "."),
    calibration(nameOf(score), bins), h("p", { class: "quiet" }, `Calibration error: ${(100 * error).toFixed(1)} points on average.`));
}

/** What an agent says and what comes of it over all bins, and whether they differ by more than chance would. */
function onAverage(bins) {
  const count = bins.reduce((sum, one) => sum + one.count, 0);
  const mean = (field) => bins.reduce((sum, one) => sum + one.count * one[field], 0) / count;
  const [said, came] = [mean("said"), mean("came")];
  const chance = SURE * Math.sqrt(Math.max(came * (1 - came), 0.25 / count) / count);
  return { said, came, word: said - came > chance ? "too sure of itself" : came - said > chance ? "too modest" : "about right" };
}

function profilePanel(profile) {
  const cells = (title, all, level) => all.length > 0 && [h("h3", {}, title), h("ul", { class: "traits" }, all.map((one) => h("li", {},
    h("p", {}, h("span", { class: `state ${level}` }, points(one.rate - one.usual)), " where ", conditionWords(one.condition)),
    shareBar(one.rate, one.low, one.high, one.usual, "all agents"),
    h("p", {}, inShare(one.rate, one.low, one.high), h("span", { class: "quiet" }, ` of ${number(one.count)}, all agents ${percent(one.usual)}`)))))];
  const isBlank = !profile.strengths.length && !profile.weaknesses.length;
  return panel("Profile", isBlank
    ? h("p", { class: "quiet" }, "Nothing sets it apart from the others so far. Strengths and weaknesses are sought at each learning cycle.")
    : [cells("Strengths", profile.strengths, "good"), cells("Weaknesses", profile.weaknesses, "bad")]);
}

function newestPanel({ items, next }) {
  return panel("Newest recommendations", items.length ? h("ul", { class: "cards" }, items.map(recommendation)) : h("p", { class: "quiet" }, "None is kept any more."),
    next && h("p", { class: "quiet" }, `The newest ${number(items.length)}; the rest is at the HTTP API.`));
}

function recommendation(one) {
  const content = one.recommendation_content;
  const details = { content, reasoning: one.reasoning, evidence: one.evidence, context: one.context, quality: one.quality_scores };
  const told = Object.fromEntries(Object.entries(details).filter(([, value]) => !isBlank(value)));
  const gist = one.reasoning || brief(content);
  const short = gist.length > GIST_MAX ? `${gist.slice(0, GIST_MAX)} …` : gist;
  const isTold = Object.keys(told).length > 0;
  return h("li", { class: "card", data: { key: one.recommendation_id } },
    h("p", { class: "tags" }, h("b", {}, one.recommendation_type), h("span", { class: `state ${OUTCOMES[one.outcome] ?? "mild"}` }, one.outcome ?? "pending"),
      h("span", { class: "quiet" }, time(one.created_at)),
      known(one.confidence_score) && h("span", {}, `was sure by ${percent(one.confidence_score)}`),
      known(one.overall_quality_score) && h("span", {}, `quality ${Math.round(one.overall_quality_score)}`),
      known(one.latency_ms) && h("span", { class: "quiet" }, `took ${one.latency_ms < 1000 ? quantity(one.latency_ms, "ms") : quantity(one.latency_ms / 1000, "s")}`),
      one.correlation_id && h("span", { class: "quiet" }, "on ", h("span", { class: "key" }, one.correlation_id))),
    isTold ? h("details", {}, h("summary", {}, short || "All of it"), h("pre", {}, JSON.stringify(told, null, 2))) : null,
    one.evaluator_feedback && h("p", { class: "quiet" }, "Feedback: ", one.evaluator_feedback));
}

/** What is recommended, in one line: names and values where that says it. */
function brief(content) {
  if (!known(content) || typeof content === "string") return content ?? "";
  const parts = Object.entries(content);
  if (!parts.length || Array.isArray(content) || parts.some(([, value]) => value !== null && typeof value === "object")) return JSON.stringify(content);
  return parts.map(([name, value]) => `${words(name)}: ${typeof value === "number" ? quantity(value) : value}`).join(", ");
}

const isBlank = (value) => !known(value) || value === "" || (typeof value === "object" && Object.keys(value).length === 0);
const known = (value) => value !== null && value !== undefined;

byId("back").href = `/agents?workspace=${encodeURIComponent(workspace)}`;
const calmLoad = live.calmly(() => { if (!document.querySelector("dialog[open], #body details[open]")) load(); }, 3000);
setInterval(() => { if (!document.hidden) calmLoad(); }, 10_000);
begin();
load();
