// What a person can say about clusters. Each asks what it needs, says what was done, and returns whether it was.

import { post, session } from "./api.js";
import { ask, complain, toast } from "./dialog.js";
import { clusterPath } from "./widgets.js";

const SPANS = [["3600", "1 hour"], ["14400", "4 hours"], ["28800", "8 hours"], ["86400", "1 day"], ["604800", "1 week"]];
const NOTE = { name: "note", label: "Note", hint: "Why; it stays in the journal." };
const SPAN = { name: "for_s", label: "For", type: "select", options: SPANS, value: "14400" };

/** The field that asks for a name, where no token says it. */
export async function who() {
  const { required } = await session();
  if (required) return [];
  return [{ name: "by", label: "Your name", value: localStorage.getItem("grace.by") ?? "", hint: "So that others know who said it." }];
}

/** A dialog's values as a body: empty ones left out, the name kept for the next time. */
export function said({ by, note, for_s, value, ...rest }) {
  if (by !== undefined) localStorage.setItem("grace.by", by);
  return { ...rest, ...(by && { by }), ...(note && { note }), ...(for_s && { for_s: Number(for_s) }), ...(value && { value }) };
}

const path = (key, action) => `/api${clusterPath(key)}/${action}`;
const these = (keys) => (keys.length === 1 ? keys[0] : `${keys.length} clusters`);

async function each(keys, action, body, done) {
  let count = 0;
  for (const key of keys) {
    try {
      await post(path(key, action), body);
      count += 1;
    } catch (error) {
      complain(error);
    }
  }
  if (count) toast(`${done}: ${count === keys.length ? these(keys) : `${count} of ${keys.length}`}.`);
  return count > 0;
}

async function asked(question, keys, action, done) {
  const answer = await ask({ ...question, fields: [...question.fields, ...(await who())] });
  return answer ? each(keys, action, said(answer), done) : false;
}

export const acknowledge = (keys) => {
  const by = localStorage.getItem("grace.by");
  return each(keys, "acknowledge", by ? { by } : {}, "Acknowledged");
};

export const silence = (keys) =>
  asked({ title: `Silence ${these(keys)}`, text: "Events are still counted. No mission starts until the time is over.", fields: [SPAN, NOTE], submit: "Silence" }, keys, "silence", "Silenced");

export const resolve = (keys) =>
  asked({ title: `Resolve ${these(keys)}`, text: "It is over, or it never was anything. A like event opens it again.", fields: [NOTE], submit: "Resolve" }, keys, "resolve", "Resolved");

export const reopen = (keys) => each(keys, "reopen", {}, "Reopened");

export const severity = (keys, now) =>
  asked({
    title: `Severity of ${these(keys)}`,
    text: "Your word stands above what senders say.",
    fields: [
      { name: "value", label: "Severity", type: "select", value: now, options: ["low", "medium", "high", "critical"].map((name) => [name, name]) },
      { ...SPAN, options: [["", "Until taken back"], ...SPANS], value: "" },
      NOTE,
    ],
    submit: "Set severity",
  }, keys, "severity", "Severity set");

export const clear = (keys) => each(keys, "clear", {}, "Taken back");

export const undo = (keys) => each(keys, "undo", {}, "Undone");

/** Merge `keys` into one of them; gives the survivor's key, or null. */
export async function merge(keys) {
  const answer = await ask({
    title: `Merge ${keys.length} clusters`,
    text: "Events of all of them will join the one that stays. This can be undone.",
    fields: [{ name: "first", label: "The one that stays", type: "select", options: keys.map((key) => [key, key]), value: keys[0] }, NOTE, ...(await who())],
    submit: "Merge",
  });
  if (!answer) return null;
  const { first, ...rest } = answer;
  return attempt(async () => {
    const survivor = await post("/api/clusters/merge", { keys: [first, ...keys.filter((key) => key !== first)], ...said(rest) });
    toast(`Merged into ${survivor.cluster_key}.`, { undo: () => undo([survivor.cluster_key]) });
    return survivor.cluster_key;
  });
}

/** Split templates off a cluster; gives the new clusters' keys, or null. */
export async function split(key, templates) {
  const answer = await ask({
    title: `Split off ${templates.length} message template${templates.length === 1 ? "" : "s"}`,
    text: "Like events become a cluster of their own, now and later. This can be undone.",
    fields: [NOTE, ...(await who())],
    submit: "Split",
  });
  if (!answer) return null;
  return attempt(async () => {
    const { clusters } = await post(path(key, "split"), { templates, ...said(answer) });
    toast(`Split into ${clusters.length} clusters.`, { undo: () => undo([key]) });
    return clusters.map((cluster) => cluster.cluster_key);
  });
}

/** A function that says of a statement or passage whether it helped, and gives whether that was taken. */
export const voteOn = (id) => async (useful) => {
  const taken = await attempt(() => post(`/api/knowledge/${encodeURIComponent(id)}/feedback`, { useful }));
  if (taken) toast("Thank you: that counts in later searches.");
  return taken !== null;
};

async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    complain(error);
    return null;
  }
}
