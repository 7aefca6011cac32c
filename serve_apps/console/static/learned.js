// What was learned of a workspace: patterns, the rules that follow from them, and the cycles that found them.

import { said, who } from "./actions.js";
import { get, post } from "./api.js";
import { ask, complain, failed, toast } from "./dialog.js";
import { h, refill } from "./dom.js";
import { duration, number, percent, time } from "./format.js";
import { API, conditionWords, points, shareBar, strengthWord, sureness } from "./trust.js";
import { panel, state, words } from "./widgets.js";

const ACTIONS = { prefer: "good", accept: "good", avoid: "bad", review: "warn" };
const TRIGGERS = { outcomes: "after new outcomes", drift: "as agents changed", pattern_refresh: "to refresh patterns" };
const CYCLES = 10;
const WANTED = "wanted: 80% of at least 70%";

/** Keep `node` filled with what was learned of `workspace()`; {load}. */
export function learned(node, workspace) {
  let turn = 0;
  const load = async () => {
    turn += 1;
    const mine = turn;
    const asked = { workspace_id: workspace() };
    try {
      const [patterns, rules, cycles] = await Promise.all([
        get(`${API}/patterns`, { ...asked, limit: 100 }), get(`${API}/rules`, asked), get(`${API}/learning-cycles`, { ...asked, limit: CYCLES })]);
      if (mine !== turn) return;
      const open = new Set([...node.querySelectorAll("details[open]")].map((one) => one.dataset.key));
      refill(node, patternsPanel(patterns, cycles.items), rulesPanel(rules.items), cyclesPanel(cycles.items, () => learnNow(workspace(), load), open));
    } catch (error) {
      if (mine === turn) failed(node, error, load);
    }
  };
  return { load };
}

function patternsPanel({ items, next }, cycles) {
  const heads = ["When", "Turns out well, against elsewhere", "Seen", "Sure", "Strength", "Held last"];
  const none = cycles.length ? "None: no condition makes a difference that chance would not." : "None yet. They are sought at each learning cycle.";
  return panel("Patterns", h("p", { class: "quiet" }, "When recommendations turn out well, and when badly. How sure is corrected for the number of conditions tried."), items.length
    ? h("table", { class: "jobs patterns" }, h("caption", { class: "unseen" }, "Patterns"),
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))), h("tbody", {}, items.map(pattern)))
    : h("p", {}, none), next && h("p", { class: "quiet" }, "The surest and strongest are shown; the rest is at the HTTP API."));
}

function pattern(one) {
  const cell = (label, ...content) => h("td", { data: { label } }, content);
  return h("tr", { data: { key: one.pattern_id } },
    h("th", { scope: "row", title: one.description }, conditionWords(one.condition), " ", h("small", { class: "quiet" }, words(one.pattern_type))),
    h("td", { class: "expected" }, shareBar(one.success_rate, Math.min(one.success_rate, one.base_rate), Math.max(one.success_rate, one.base_rate), one.base_rate, "elsewhere"),
      h("span", {}, h("b", {}, percent(one.success_rate)), h("span", { class: "quiet" }, ` against ${percent(one.base_rate)}`))),
    cell("Seen", `${number(one.frequency_count)} times`),
    cell("Sure", sureness(one.confidence_level)),
    cell("Strength", strengthWord(one.strength)),
    cell("Held last", one.is_confirmed ? h("span", { class: "state good" }, "confirmed") : h("span", { class: "state mild" }, "not yet confirmed"), " ", time(one.last_validated)));
}

function rulesPanel(rules) {
  if (!rules.length) return null;
  return panel("Rules", h("p", { class: "quiet" }, "What follows from the patterns. Routing heeds them."), h("ul", { class: "rules" }, rules.map((rule) => h("li", {},
    h("span", { class: `state ${ACTIONS[rule.action] ?? "mild"}` }, rule.action),
    h("p", {}, rule.sentence || `Where ${conditionWords(rule.condition)}: ${rule.action} ${rule.agents.join(", ")}.`,
      rule.effectiveness !== null && h("span", { class: "quiet" }, ` Worth ${points(rule.effectiveness)}.`))))));
}

function cyclesPanel(cycles, learn, open) {
  const button = h("button", { type: "button", class: "small", "data-operate": true, onclick: learn }, "Learn now …");
  const made = panel("Learning cycles", cycles.length
    ? h("ul", { class: "cards" }, cycles.map((one, place) => cycle(one, open.size ? open.has(one.iteration_id) : place === 0)))
    : h("p", { class: "quiet" }, "None yet. There is one each night, after enough new outcomes, or when agents are no longer what they were."));
  made.querySelector("header").append(button);
  return made;
}

function cycle(one, isOpen) {
  const tell = (title, sentences) => sentences.length > 0 && [h("h3", {}, title), h("ul", { class: "reasons" }, sentences.map((sentence) => h("li", {}, sentence)))];
  const isTold = one.key_insights.length + one.recommendations_for_swarm.length > 0;
  return h("li", { class: "card", data: { key: one.iteration_id } },
    h("p", { class: "tags" }, h("b", {}, time(one.started_at)), state(one.status), h("span", { class: "quiet" }, TRIGGERS[one.trigger] ?? words(one.trigger)),
      h("span", {}, `${number(one.samples_analyzed)} outcomes seen`),
      h("span", {}, `${number(one.patterns_discovered)} new patterns, ${number(one.patterns_confirmed)} confirmed, ${number(one.patterns_dropped)} dropped, of ${number(one.patterns_tried)} tried`),
      h("span", {}, `${number(one.rules_updated)} rules changed`),
      one.processing_time_seconds !== null && h("span", { class: "quiet" }, `took ${duration(one.processing_time_seconds)}`)),
    one.iteration_accuracy !== null && h("p", {}, "On later outcomes it would have been right about ", h("b", {}, percent(one.iteration_accuracy)), " of the ", h("b", {}, percent(one.iteration_coverage)), " that it would have decided ", h("span", { class: "quiet" }, `(${WANTED})`), "."),
    one.error && h("p", { class: "bad" }, one.error),
    isTold && h("details", { open: isOpen, data: { key: one.iteration_id } }, h("summary", {}, "What it found"),
      tell("Insights", one.key_insights), tell("What to do about it", one.recommendations_for_swarm)));
}

async function learnNow(workspace, load) {
  const answer = await ask({ title: `Learn from workspace ${workspace} now`, text: "It looks at the outcomes of the last days; every night it does so anyway.", fields: await who(), submit: "Learn now" });
  if (!answer) return;
  try {
    await post(`${API}/learning-cycles/trigger`, { workspace_id: workspace, ...said(answer) });
    toast("A learning cycle has begun.");
  } catch (error) {
    complain(error);
  }
  load();
}
