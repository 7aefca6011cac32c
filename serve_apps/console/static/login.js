// The page that takes a token and goes on to where one wanted to go.

import { post, session } from "./api.js";
import { byId } from "./dom.js";

/** Where to go afterwards: a path of this site, nothing else. */
function next() {
  const asked = new URLSearchParams(location.search).get("next") ?? "/";
  const url = new URL(asked, location.origin);
  return url.origin === location.origin && url.pathname !== "/login" ? url.pathname + url.search : "/";
}

byId("link-state").hidden = true;
byId("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = byId("problem");
  problem.hidden = true;
  try {
    await post("/api/session", { token: event.target.elements.token.value });
    location.assign(next());
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
    event.target.elements.token.select();
  }
});

const who = await session().catch(() => null);
if (who && (!who.required || who.name)) location.replace(next());
