// What a journal entry says, in one line.

import { percent, quantity } from "./format.js";
import { words } from "./words.js";

const SAYS = { // of bodies that have no sentence of their own; `about` is the entry's subject
  "playbook.chosen": (body) => `${body.playbook} for ${body.series || body.diagnosis}, chosen with probability ${percent(body.propensity)}`,
  "playbook.run.started": (body) => `${body.playbook} on ${body.subject}${body.is_dry ? ", a dry run" : ""}`,
  "playbook.step.started": (body) => `${body.playbook}: ${words(body.step)}`,
  "playbook.rewarded": (body) => `${body.playbook}${Number.isFinite(body.reward) ? `: ${body.reward.toFixed(2)}` : ""}`,
  "metric.band_changed": (body) => `${body.series} is ${body.band} at ${quantity(body.value, body.unit)}, and was ${body.was || "unknown"}`,
  "incident.warned": (body) => `${body.metric_id} is ${percent(body.probability)} likely to leave its band within ${body.horizon_minutes} min`,
  "incident.closed": (body) => `${body.metric_id}: ${words(body.status)}`,
  "job.due": (body, about) => `${words(about)}, ${body.reason || "by its timetable"}`,
  "job.ended": (body, about) => `${words(about)}: ${body.detail || words(body.status)}`,
  "training.requested": (body, about) => `${words(about)}, asked for by ${body.by}`,
  "training.ended": (body, about) => `${words(about)}: ${words(body.status)}${body.error ? `. ${body.error}` : ""}`,
  "recommendation.tracked": (body) => `${body.agent_id} advises ${words(body.recommendation_type)} in ${body.workspace_id}`,
  "recommendation.judged": (body) => `${words(body.outcome)}, in ${body.workspace_id}${body.evaluator_feedback ? `: ${body.evaluator_feedback}` : ""}`,
  "operator.limit_missions": (body) => `${body.max_running} missions at once instead of ${body.before}, by ${body.by}`,
};

/** What an entry says, in one line; "" where it says nothing of its own. */
export function gist(entry) {
  if (entry.body === null) return "(body pruned; the proof still holds)";
  const body = entry.body ?? {};
  const says = Object.hasOwn(SAYS, entry.type) ? SAYS[entry.type] : null;
  if (says) return says(body, entry.subject);
  const told = body.message ?? body.reason ?? body.description ?? body.text ?? body.summary ?? body.title ?? body.detail ?? body.note ?? "";
  const said = typeof told === "string" ? told : JSON.stringify(told);
  return body.strategy && said === body.detail ? `${body.strategy}: ${said}` : said;
}
