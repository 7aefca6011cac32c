// What Grace did last: missions and runs of playbooks together, those under way first.

import { get } from "./api.js";
import { h } from "./dom.js";
import { OPEN, runCard } from "./runs.js";
import { missionCard } from "./widgets.js";

const MOST = 8;

/** The newest of both as a list, or what to expect where there is none yet. Raises Problem. */
export async function doings() {
  const [running, missions, runs] = await Promise.all([
    get("/api/missions", { status: "running", limit: 5 }), get("/api/missions", { limit: MOST }), get("/api/playbook-runs", { limit: MOST })]);
  const others = missions.items.filter((one) => one.status !== "running");
  const all = [
    ...[...running.items, ...others].map((one) => ({ at: one.created_at, isOpen: one.status === "running", card: missionCard(one) })),
    ...runs.items.map((one) => ({ at: one.created_at, isOpen: OPEN.has(one.status), card: runCard(one) })),
  ].sort((one, other) => other.isOpen - one.isOpen || Date.parse(other.at) - Date.parse(one.at));
  if (!all.length) return h("p", { class: "empty" }, "Nothing yet. When like events become urgent, Grace sets out to learn what helps: in your runbooks, on the web, on GitHub and in its own history. When a metric leaves its band, it picks a playbook.");
  return h("ul", { class: "cards" }, all.slice(0, MOST).map((one) => one.card));
}
