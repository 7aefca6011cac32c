// What surrounds every page: the account, the connection, times, keys.

import { mayOperate, remove, session } from "./api.js";
import { complain, show } from "./dialog.js";
import { byId, fill, h } from "./dom.js";
import { keepTimes } from "./format.js";
import * as live from "./live.js";

const PAGES = { o: "/", f: "/forecasts", i: "/incidents", p: "/playbooks", a: "/agents", c: "/clusters", m: "/missions", k: "/knowledge", s: "/schedule", j: "/journal" };
const KEYS = [["g then o, f, i, p, a, c, m, k, s, j", "go to overview, forecasts, incidents, playbooks, agents, clusters, missions, knowledge, schedule, journal"], ["/", "search or narrow down"], ["?", "this list"]];
const STATES = { live: "Live", away: "Not connected" };

/** Set a page up; `keys` are more rows for the list of keys. */
export async function begin(keys = []) {
  keepTimes();
  showWhere();
  byId("zone").textContent = `Times: ${Intl.DateTimeFormat().resolvedOptions().timeZone}`;
  listenToKeys([...KEYS, ...keys]);
  live.on("state", (state) => {
    const node = byId("link-state");
    node.dataset.state = state;
    node.querySelector("[data-text]").textContent = STATES[state];
  });
  try {
    const who = await session();
    if (who.required && !who.name) {
      location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
      return;
    }
    document.body.dataset.may = (await mayOperate()) ? "operate" : "read";
    if (who.required) fill(byId("account"), account(who));
  } catch (error) {
    complain(error);
  }
  live.start();
}

/** Bring this page's name into sight where the names of all pages are wider than the screen. */
function showWhere() {
  const here = document.querySelector(".bar nav [aria-current]");
  if (here) here.parentNode.scrollLeft = here.offsetLeft - here.parentNode.offsetLeft - 80;
}

function account(who) {
  const leave = async () => {
    await remove("/api/session");
    location.assign("/login");
  };
  return [h("span", { class: "quiet" }, who.name), h("button", { type: "button", class: "plain small", onclick: leave }, "Log out")];
}

function listenToKeys(keys) {
  const help = () => show("Keys", h("dl", { class: "keys" }, keys.map(([key, what]) => h("div", {}, h("dt", {}, key), h("dd", {}, what)))));
  byId("show-keys").addEventListener("click", help);
  let goes = false;
  document.addEventListener("keydown", (event) => {
    if (!isShortcut(event)) return;
    if (goes && PAGES[event.key]) location.assign(PAGES[event.key]);
    goes = event.key === "g";
    if (event.key === "?") help();
    if (event.key === "/") {
      const field = document.querySelector("main input[type=search]");
      if (field) {
        event.preventDefault();
        field.focus();
      }
    }
  });
}

/** Whether a key press is meant for the page, not for a field, a dialog or the browser. */
export function isShortcut(event) {
  return !event.ctrlKey && !event.metaKey && !event.altKey && !document.querySelector("dialog[open]")
    && !event.target.closest("input, textarea, select");
}
