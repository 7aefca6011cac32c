// The page of missions.

import { get, post } from "./api.js";
import { ask, complain } from "./dialog.js";
import { byId, fill } from "./dom.js";
import { paged, remembered, valuesOf } from "./list.js";
import * as live from "./live.js";
import { begin, isShortcut } from "./shell.js";
import { missionCard, missionPath } from "./widgets.js";

const form = byId("filters");
const remember = remembered(form);
const list = paged((after) => get("/api/missions", { status: valuesOf(form).status ?? "", limit: 50, after }),
  (items) => fill(byId("rows"), items.map(missionCard)));

async function create() {
  const answer = await ask({
    title: "New mission",
    text: "Grace looks through runbooks, what it knows already, the web and GitHub, and comes back with cited statements.",
    fields: [
      { name: "question", label: "Question", required: true, hint: "As you would ask a colleague." },
      { name: "topic", label: "Topic", hint: "One or two words; may be left empty." },
    ],
    submit: "Start",
  });
  if (!answer) return;
  try {
    const mission = await post("/api/missions", { question: answer.question, ...(answer.topic && { topic: answer.topic }) });
    location.assign(missionPath(mission.mission_id));
  } catch (error) {
    complain(error);
  }
}

byId("new").addEventListener("click", create);
document.addEventListener("keydown", (event) => {
  if (isShortcut(event) && event.key === "n" && document.body.dataset.may === "operate") {
    event.preventDefault();
    create();
  }
});
form.addEventListener("input", () => {
  remember();
  list.restart();
});
const calmRefresh = live.calmly(list.refresh, 1000);
live.on("entry", (entry) => entry.kind === "mission" && calmRefresh());
begin([["n", "new mission"]]);
list.restart();
