// The page of one entry of the journal, with its proof.

import { get } from "./api.js";
import { failed } from "./dialog.js";
import { byId, fill, h } from "./dom.js";
import { exactly, number, time } from "./format.js";
import * as proof from "./proof.js";
import { begin } from "./shell.js";
import { facts, panel } from "./widgets.js";

const seq = Number(location.pathname.slice("/journal/".length));

async function load() {
  try {
    const entry = await get(`/api/journal/${seq}`);
    document.title = `Entry ${seq} · Grace`;
    fill(byId("title"), `Entry ${number(seq)} `, h("span", { class: "quiet" }, entry.type));
    const seal = h("div", {}, h("p", { class: "quiet" }, "Checking …"));
    fill(byId("body"), h("div", { class: "columns wide-left" },
      h("div", {}, panel("Body", entry.body === null ? h("p", { class: "quiet" }, "Retention has pruned the body. Its hash stays, so the proof still holds.")
        : h("pre", { class: "body" }, JSON.stringify(entry.body, null, 2)))),
      h("div", {}, panel("Envelope", facts(
        ["Kind", entry.kind], ["Type", entry.type], ["Id", h("code", {}, entry.id)],
        ["At", [exactly(entry.at), " (", time(entry.at), ")"]],
        ["Recorded", time(entry.recorded_at)],
        ["Source", search("source", entry.source)], ["Subject", search("subject", entry.subject)],
        ["Trace", entry.trace], ["Cause", entry.cause && h("code", {}, entry.cause)])),
      panel("Proof", seal)),
    ), h("p", { class: "pager" }, seq > 1 && h("a", { href: `/journal/${seq - 1}`, rel: "prev" }, "← Entry before"), " ", h("a", { href: `/journal/${seq + 1}`, rel: "next" }, "Entry after →")));
    fill(seal, await check(entry).catch((error) => h("p", { class: "quiet" }, error.message)));
  } catch (error) {
    failed(byId("body"), error, load);
  }
}

function search(name, value) {
  return value ? h("a", { href: `/journal?${new URLSearchParams({ [name]: value })}` }, value) : "";
}

async function check(entry) {
  const told = await get(`/api/journal/${seq}/proof`);
  const hash = (text) => h("code", { class: "hash" }, text);
  const rows = facts(["Leaf hash", hash(told.leaf_hash)], ["Tree", `${number(told.tree_size)} entries`], ["Sealed", told.checkpoint ? time(told.checkpoint.at) : "within the next minute"], ["Root", hash(told.root)], ["Path", `${told.path.length} hashes`]);
  if (!proof.canCheck()) return [h("p", { class: "quiet" }, "This browser checks hashes only over https or on this machine."), rows];
  const isLeaf = (await proof.leafHash(told.leaf)) === told.leaf_hash && told.leaf_hash === entry.hash && says(told.leaf, entry);
  const isIn = (await proof.rootFromInclusion(seq - 1, told.tree_size, told.leaf_hash, told.path)) === told.root;
  return [h("ul", { class: "checks" },
    h("li", { class: isLeaf ? "good" : "bad" }, isLeaf ? "The leaf is this entry: its hash was computed here." : "The leaf is not this entry."),
    h("li", { class: isIn ? "good" : "bad" }, isIn ? "The entry is in the tree: the path leads to the root." : "The path does not lead to the root.")), rows];
}

/** Whether the leaf (a JSON array, see the journal's format) names what this page shows. */
function says(leaf, entry) {
  const [its_seq, id, , kind, type, its_source, subject] = JSON.parse(leaf);
  return its_seq === entry.seq && id === entry.id && kind === entry.kind && type === entry.type && its_source === entry.source && subject === entry.subject;
}

begin();
load();
