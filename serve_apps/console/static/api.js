// The JSON API: requests, problems in words, and who is asking.

const PATIENCE_MS = 30_000;

/** A refusal, as the server words it. `field` names what is at fault. */
export class Problem extends Error {
  constructor(status, { detail, title, field }) {
    super(detail || title || `The server answered ${status}.`);
    this.status = status;
    this.field = field || "";
  }
}

/** GET `path` with `query` (empty values left out). Raises Problem. */
export function get(path, query = {}) {
  const asked = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const search = new URLSearchParams(asked).toString();
  return send("GET", search ? `${path}?${search}` : path);
}

/** POST `body` as JSON to `path`. Raises Problem. */
export const post = (path, body = {}) => send("POST", path, body);

export const remove = (path) => send("DELETE", path);

async function send(method, path, body) {
  const options = { method, headers: { Accept: "application/json" }, credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS) };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    throw away(error);
  }
  if (answer.status === 401 && !path.startsWith("/api/session")) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  const content = answer.status === 204 ? null : await answer.json().catch((error) => {
    if (answer.ok) throw away(error); // it went away in the middle of its answer
    return {};
  });
  if (!answer.ok) throw new Problem(answer.status, content ?? {});
  return content;
}

/** Why there is no answer: Grace is slow, or away. */
function away({ name }) {
  const detail = name === "TimeoutError" ? `Grace has not answered for ${PATIENCE_MS / 1000} s.` : "Grace does not answer. Is it running? grace status";
  return new Problem(0, { detail });
}

let known;

/** {name, scopes, required}: who this browser is to Grace. */
export function session() {
  known ??= get("/api/session");
  return known;
}

/** Whether this browser may act, not only look. */
export async function mayOperate() {
  const { scopes } = await session();
  return scopes.includes("operate") || scopes.includes("admin");
}
