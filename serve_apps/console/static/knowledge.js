// The page of knowledge: searched, added to, and judged.

import { voteOn } from "./actions.js";
import { get, post } from "./api.js";
import { ask, complain, failed, toast } from "./dialog.js";
import { byId, fill, h, listening, source } from "./dom.js";
import { number, percent, time } from "./format.js";
import { remembered, valuesOf } from "./list.js";
import { begin } from "./shell.js";
import { meter, missionPath, prose, votes } from "./widgets.js";

const form = byId("search");
const remember = remembered(form);

async function search() {
  const asked = valuesOf(form);
  remember();
  if (!asked.q) {
    fill(byId("hits"));
    fill(byId("none"), listening());
    return;
  }
  byId("hits").setAttribute("aria-busy", "true");
  try {
    const { items } = await get("/api/knowledge", { q: asked.q, k: 10, origin: asked.origin });
    fill(byId("hits"), items.map(hit));
    fill(byId("none"), items.length ? null : h("div", { class: "empty" }, h("p", {}, h("strong", {}, "Nothing that Grace knows answers this.")),
      h("p", {}, "Add a document, or start a ", h("a", { href: "/missions" }, "mission"), " with the question.")));
  } catch (error) {
    fill(byId("hits"));
    failed(byId("none"), error, search);
  } finally {
    byId("hits").removeAttribute("aria-busy");
  }
}

function hit(found) {
  return h("li", { class: "hit" },
    h("header", {}, h("h2", {}, found.title || found.source), found.heading && h("p", { class: "quiet" }, found.heading), meter(found.score, "Relevance")),
    h("blockquote", {}, prose(found.text)),
    h("p", { class: "quiet" }, source(found.source), ` · ${found.origin}`, found.topic ? ` · ${found.topic}` : "", ` · confidence ${percent(found.confidence)}`,
      found.usefulness === null || found.usefulness === undefined ? "" : ` · useful ${percent(found.usefulness)}`,
      found.mission_id ? [" · ", h("a", { href: missionPath(found.mission_id) }, "mission")] : "", " · ", time(found.at)),
    h("details", {}, h("summary", {}, "Why this"), h("ul", { class: "reasons" }, (found.reasons ?? []).map((reason) => h("li", {}, reason)))),
    votes(voteOn(found.passage_id)));
}

async function stats() {
  try {
    const known = await get("/api/knowledge/stats");
    const many = (count, one) => `${number(count)} ${one}${count === 1 ? "" : "s"}`;
    byId("stats").textContent = `${many(known.documents, "document")}, ${many(known.passages, "passage")}, ${many(known.statements, "statement")} from missions.`
      + (known.pending ? ` ${number(known.pending)} wait for their vectors.` : "") + (known.reason ? ` ${known.reason}` : "");
  } catch (error) {
    byId("stats").textContent = error.message;
  }
}

async function add() {
  const answer = await ask({
    title: "Add a document",
    fields: [
      { name: "source", label: "Source", required: true, hint: "A path or an address. The same source again replaces the text." },
      { name: "title", label: "Title" },
      { name: "topic", label: "Topic" },
      { name: "text", label: "Text (Markdown)", type: "textarea", required: true },
    ],
    submit: "Add",
  });
  if (!answer) return;
  try {
    const { added } = await post("/api/knowledge", { documents: [{ ...answer, origin: "operator" }] });
    toast(added ? "Added. It can be found now." : "Grace knows this already.");
    await stats();
  } catch (error) {
    complain(error);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});
form.elements.origin.addEventListener("change", search);
byId("add").addEventListener("click", add);
begin();
stats();
search();
