// The page of the timetable: jobs, and when each is due.

import { who, said } from "./actions.js";
import { get, post } from "./api.js";
import { ask, complain, toast } from "./dialog.js";
import { byId, h, refill } from "./dom.js";
import { number, time } from "./format.js";
import { paged } from "./list.js";
import * as live from "./live.js";
import { begin } from "./shell.js";
import { state, words } from "./widgets.js";

const list = paged((after) => get("/api/schedules", { limit: 100, after }), (items) => refill(byId("rows"), items.map(row)));

function row(job) {
  const counts = [job.runs && `${number(job.runs)} run${job.runs === 1 ? "" : "s"}`, job.missed && `${number(job.missed)} missed`].filter(Boolean).join(", ");
  return h("tr", { data: { key: job.job } },
    h("td", { class: "what" }, h("p", {}, h("b", {}, words(job.job))), h("p", { class: "quiet" }, job.description)),
    h("td", { data: { label: "When" } }, job.timetable),
    h("td", { data: { label: "Next" } }, job.is_on ? time(job.next_at) : h("span", { class: "state mild" }, "off")),
    h("td", { data: { label: "Last" } }, time(job.last_started_at, "never")),
    h("td", { class: "how" }, job.last_status && state(job.last_status), job.last_detail && h("p", { class: "quiet" }, job.last_detail), counts && h("p", { class: "quiet" }, counts)),
    h("td", { class: "do", "data-operate": true }, job.is_on && h("button", { type: "button", class: "small", "aria-label": `Run ${words(job.job)} now`, disabled: job.last_status === "running", onclick: () => run(job) }, "Run now …")));
}

async function run(job) {
  const answer = await ask({ title: `Run ${words(job.job)} now`, text: `${job.description}. Its timetable stays.`, fields: await who(), submit: "Run now" });
  if (!answer) return;
  try {
    await post(`/api/schedules/${encodeURIComponent(job.job)}/run`, said(answer));
    toast(`${words(job.job)} is due now.`);
  } catch (error) {
    complain(error);
  }
  list.refresh();
}

const calmRefresh = live.calmly(() => { if (!document.querySelector("dialog[open]")) list.refresh(); }, 500);
live.on("entry", (entry) => { if (entry.type.startsWith("job.")) calmRefresh(); });
setInterval(() => { if (!document.hidden) calmRefresh(); }, 30_000);
begin();
list.restart();
