// A training of the forecasting model: started by a person, followed to its end.

import { get, post } from "./api.js";
import { ask, complain, toast } from "./dialog.js";
import { byId, fill, h } from "./dom.js";
import { duration, percent } from "./format.js";
import { said, who } from "./actions.js";

const OPEN = new Set(["pending", "running"]);
const POLL_MS = 2000;
let followed = null;

/** Offer #train, and show in #training the training that is under way, if there is one. */
export async function offerTraining() {
  byId("train").addEventListener("click", start);
  const newest = await get("/api/ml/forecaster/trainings", { limit: 1 }).catch(() => ({ items: [] }));
  if (newest.items.length && OPEN.has(newest.items[0].status)) follow(newest.items[0]);
}

async function start() {
  const answer = await ask({
    title: "Train the forecasting model",
    text: "It learns from the last days of all metrics, beside the forecaster. It speaks only once it has done better than the present one.",
    fields: [{ name: "search", label: "Search for better hyperparameters too", type: "checkbox", hint: "Takes several times as long." }, ...(await who())],
    submit: "Train",
  });
  if (!answer) return;
  try {
    follow(await post("/api/ml/forecaster/train", said(answer)));
  } catch (error) {
    complain(error);
  }
}

async function follow(run) {
  if (followed === run.run_id) return;
  followed = run.run_id;
  byId("train").disabled = true;
  let now = run;
  while (OPEN.has(now.status)) {
    fill(byId("training"), under_way(now));
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    if (document.hidden) continue;
    now = await get(`/api/ml/forecaster/trainings/${encodeURIComponent(run.run_id)}`).catch(() => now);
  }
  fill(byId("training"));
  byId("train").disabled = false;
  followed = null;
  toast(now.status === "completed" ? `The training is done: version ${now.version} is on trial.` : `The training ${now.status.replace("_", " ")}: ${now.error}`, { bad: now.status !== "completed" });
}

function under_way(run) {
  const bar = h("progress", { max: 1, "aria-label": "Training", ...(run.status === "running" && { value: run.progress }) });
  const left = run.seconds_left === null || run.seconds_left === undefined ? "" : `, about ${duration(run.seconds_left)} left`;
  return h("p", { class: "under-way" }, bar, h("span", {}, run.status === "pending" ? "The training waits to start." : `Training: ${run.phase || "running"}, ${percent(run.progress)}${left}.`));
}
