// Runs of playbooks: as lines of a list, what a person can say about one, and how one is started by hand.

import { said, who } from "./actions.js";
import { post } from "./api.js";
import { ask, complain, toast } from "./dialog.js";
import { h } from "./dom.js";
import { duration, time } from "./format.js";
import { rewardWord } from "./rewards.js";
import { seriesLink } from "./series.js";
import { state, words } from "./widgets.js";

export const OPEN = new Set(["awaiting_approval", "pending", "running"]);
export const runPath = (id) => `/playbooks/runs/${encodeURIComponent(id)}`;
const api = (id, action = "") => `/api/playbook-runs/${encodeURIComponent(id)}${action}`;
const NOTE = { name: "note", label: "Why", hint: "It stays in the journal." };

/** A run as a line of a list. */
export function runCard(run) {
  return h("li", { class: "card", data: { run: run.run_id } },
    h("p", { class: "tags" }, h("a", { class: "main", href: runPath(run.run_id) }, run.playbook), state(run.status), run.is_dry && h("span", { class: "state plain" }, "dry run"),
      run.reward !== null && rewardWord(run.reward), h("span", { class: "quiet" }, time(run.ended_at ?? run.started_at ?? run.created_at))),
    h("p", {}, about(run), h("span", { class: "quiet" }, ` · by ${run.by}${run.approved_by ? `, approved by ${run.approved_by}` : ""}`)),
    run.steps.length > 0 && h("p", { class: "quiet" }, run.steps.map((step) => `${words(step.kind)}: ${words(step.status)}`).join(" · ")),
    run.error && h("p", { class: "quiet why" }, run.error));
}

/** What a run acts on: a link where it is a metric. */
export function about(run) {
  return run.diagnosis ? seriesLink(run.subject) : run.subject;
}

/** A parameter in words: "for_s" of 900 is "for 15 min". */
export const setting = ([name, value]) => (name.endsWith("_s") && Number.isFinite(value) ? `${words(name.slice(0, -2))} ${duration(value)}` : `${words(name)}: ${typeof value === "string" ? value : JSON.stringify(value)}`);

/** A run that waits for approval, with the two buttons. `after()` is called once a word was said. */
export function approvalCard(run, playbook, after) {
  const say = (action) => async () => { if (await action(run)) after(); };
  return h("li", { class: "card", data: { run: run.run_id } },
    h("p", { class: "tags" }, h("a", { class: "main", href: runPath(run.run_id) }, run.playbook), state("awaiting_approval"), h("span", { class: "quiet" }, "since ", time(run.created_at))),
    playbook && h("p", {}, playbook.description),
    h("p", {}, run.choice_id ? "Grace chose it for " : `${run.by} asks for it: `, about(run), "."),
    Object.keys(run.parameters).length > 0 && h("p", { class: "quiet" }, Object.entries(run.parameters).map(setting).join(", ")),
    h("p", { class: "do", "data-operate": true }, h("button", { type: "button", class: "primary", onclick: say(approve) }, "Approve …"),
      h("button", { type: "button", onclick: say(reject) }, "Reject …")));
}

async function word(run, action, question, done) {
  const answer = await ask({ ...question, fields: [NOTE, ...(await who())] });
  if (!answer) return false;
  try {
    await post(api(run.run_id, `/${action}`), said(answer));
    toast(`${done}: ${run.playbook}.`);
    return true;
  } catch (error) {
    complain(error);
    return false;
  }
}

export const approve = (run) => word(run, "approve", { title: `Let ${run.playbook} run?`, text: `It acts on ${run.subject}, at once.`, submit: "Approve" }, "Approved");
export const reject = (run) => word(run, "reject", { title: `Forbid ${run.playbook}?`, text: "Nothing is done. Grace learns nothing from it: doing nothing was your choice.", submit: "Reject", danger: true }, "Rejected");
export const cancel = (run) => word(run, "cancel", { title: `Call ${run.playbook} off?`, text: "What it did is taken back where it can be.", submit: "Call it off", danger: true }, "Called off");

/** Ask for subject and parameters, show what a dry run says, and on a yes run it; gives the run, or null. */
export async function runByHand(playbook) {
  const answer = await ask({
    title: `Run ${playbook.id}`,
    text: `${playbook.description} First a dry run shows what would be done.`,
    fields: [
      { name: "subject", label: "On", hint: "What it acts on, such as a metric's name; may be left empty." },
      ...Object.entries(playbook.parameters).map(([name, value]) => ({ name: `parameter ${name}`, label: name, value: typeof value === "string" ? value : JSON.stringify(value) })),
      ...(await who()),
    ],
    submit: "Dry run",
  });
  if (!answer) return null;
  const body = asBody(answer, playbook);
  const path = `/api/playbooks/${encodeURIComponent(playbook.id)}/run`;
  try {
    const dry = await post(path, { ...body, dry_run: true });
    const isSure = await ask({
      title: `What ${playbook.id} would do`,
      content: steps(dry),
      text: dry.error || (playbook.risk === "needs-approval" ? "It waits for approval before it does anything." : "It starts at once."),
      submit: "Run it",
      danger: true,
    });
    return isSure ? await post(path, body) : null;
  } catch (error) {
    complain(error);
    return null;
  }
}

function asBody(answer, playbook) {
  const parameters = Object.fromEntries(Object.entries(playbook.parameters).map(([name, value]) => [name, parsed(answer[`parameter ${name}`], value)]));
  if (answer.by !== undefined) localStorage.setItem("grace.by", answer.by);
  return { ...(answer.subject && { subject: answer.subject }), ...(answer.by && { by: answer.by }), parameters };
}

/** What was typed, as the kind of value that the default is; the server says what is wrong with it. */
function parsed(text, usual) {
  if (typeof usual === "string") return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** What each step did, or would do. */
export function steps(run) {
  if (!run.steps.length) return h("p", { class: "quiet" }, run.status === "awaiting_approval" ? "Nothing is done before somebody approves." : "No step has begun.");
  return h("ol", { class: "steps" }, run.steps.map((step) => h("li", {},
    h("p", {}, h("b", {}, words(step.kind)), " ", run.is_dry ? h("span", { class: "state plain" }, "dry") : state(step.status), h("span", { class: "quiet" }, step.duration_s ? ` ${duration(step.duration_s)}` : "")),
    step.detail && h("p", {}, step.detail),
    step.undo && h("p", { class: "quiet" }, "Can be taken back."))));
}
