// The page of the journal: its entries and its seal.

import { get } from "./api.js";
import { byId, fill, h } from "./dom.js";
import { number, time } from "./format.js";
import { paged, remembered, valuesOf } from "./list.js";
import * as proof from "./proof.js";
import { begin } from "./shell.js";
import { entryLine } from "./widgets.js";

const form = byId("search");
const remember = remembered(form);
const REMEMBERED = "grace.checkpoint";
const list = paged((after) => get("/api/journal", { order: "desc", ...valuesOf(form), limit: 100, after }),
  (items) => {
    fill(byId("rows"), items.map(entryLine));
    if (!items.length) fill(byId("rows"), h("li", { class: "empty" }, "No entry like that."));
  });

form.addEventListener("submit", (event) => {
  event.preventDefault();
  remember();
  list.restart();
});
for (const select of form.querySelectorAll("select")) {
  select.addEventListener("change", () => {
    remember();
    list.restart();
  });
}

function line(isGood, text) {
  return h("li", { class: isGood === null ? "mild" : isGood ? "good" : "bad" }, text);
}

async function verify() {
  const button = byId("verify");
  button.disabled = true;
  try {
    fill(byId("seal"), h("p", { class: "quiet" }, "Checking …"));
    fill(byId("seal"), await checked());
  } catch (error) {
    fill(byId("seal"), h("p", { class: "bad", role: "alert" }, error.message));
  } finally {
    button.disabled = false;
  }
}

async function checked() {
  const [now, key] = await Promise.all([get("/api/journal/checkpoint"), get("/api/journal/public-key")]);
  const about = h("p", {}, `${number(now.tree_size)} entries were sealed `, time(now.at), ". Root ", h("code", { class: "hash" }, now.root));
  if (!proof.canCheck()) {
    return [about, h("ul", { class: "checks" }, line(null, "This browser checks hashes only over https or on this machine. On the server: grace journal verify"))];
  }
  return [about, h("ul", { class: "checks" }, await signature(now, key), await growth(now))];
}

async function signature(now, key) {
  const said = JSON.parse(now.body);
  const isSame = key.key === now.key && said.tree_size === now.tree_size && said.root === now.root;
  const isGood = isSame && (await proof.isSigned(key.hex, now.signature, now.body));
  if (isGood === null) return line(null, "This browser cannot check Ed25519 signatures. On the server: grace journal verify");
  return line(isGood, isGood ? `The signature of key ${now.key.slice(0, 16)}… holds.` : "The signature does not hold: this checkpoint is not Grace's.");
}

async function growth(now) {
  const before = JSON.parse(localStorage.getItem(REMEMBERED) ?? "null");
  const keep = () => localStorage.setItem(REMEMBERED, JSON.stringify({ tree_size: now.tree_size, root: now.root, at: now.at, key: now.key }));
  if (!before || before.key !== now.key) {
    keep();
    return line(null, before ? "The signing key is another than when you last looked. From now on this checkpoint is what later ones are held against."
      : "First look: from now on this checkpoint is what later ones are held against.");
  }
  if (before.tree_size > now.tree_size) return line(false, `The journal has shrunk: ${number(before.tree_size)} entries before, ${number(now.tree_size)} now.`);
  const found = before.tree_size === now.tree_size ? { proof: [] } : await get("/api/journal/consistency", { first: before.tree_size, second: now.tree_size });
  const isGood = await proof.isConsistent(before.tree_size, now.tree_size, before.root, now.root, found.proof);
  if (isGood) keep();
  return line(isGood, isGood ? [`Nothing was changed since you last looked: the ${number(before.tree_size)} entries of `, time(before.at), " are all still in place."]
    : [`The ${number(before.tree_size)} entries that were sealed `, time(before.at), " are no longer what they were."]);
}

byId("verify").addEventListener("click", verify);
begin();
list.restart();
