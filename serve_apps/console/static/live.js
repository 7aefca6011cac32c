// The live stream. Closed while nobody looks at the page, so that many open tabs do not use up the connections.

const watchers = { entry: [], stats: [], state: [] };
let waiting = [];
let stream = null;
let last = null;

/** Call `listener` for each "entry" (a journal entry), "stats" (once a second) or "state" (connected or not). */
export function on(what, listener) {
  watchers[what].push(listener);
}

/** Call `listener` once, when the connection is there again. */
export function onceBack(listener) {
  waiting.push(listener);
}

function tell(what, value) {
  for (const listener of watchers[what]) listener(value);
}

function open() {
  if (stream) return;
  stream = new EventSource(last === null ? "/api/stream" : `/api/stream?after=${last}`);
  stream.addEventListener("open", () => {
    tell("state", "live");
    const listeners = waiting;
    waiting = [];
    for (const listener of listeners) listener();
  });
  stream.addEventListener("error", () => {
    tell("state", "away");
    if (stream?.readyState === EventSource.CLOSED) {
      close();
      setTimeout(openIfSeen, 5000);
    }
  });
  stream.addEventListener("entry", (message) => {
    const entry = JSON.parse(message.data);
    if (message.lastEventId) last = Number(message.lastEventId);
    tell("entry", entry);
  });
  stream.addEventListener("stats", (message) => tell("stats", JSON.parse(message.data)));
}

function close() {
  stream?.close();
  stream = null;
}

function openIfSeen() {
  if (!document.hidden) open();
}

/** Connect, and stay connected while the page is visible. */
export function start() {
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  openIfSeen();
}

/** Call `action` at most every `pause_ms`, once more after the last of a row of calls. */
export function calmly(action, pause_ms = 1500) {
  let timer = null;
  return () => {
    timer ??= setTimeout(() => {
      timer = null;
      action();
    }, pause_ms);
  };
}
