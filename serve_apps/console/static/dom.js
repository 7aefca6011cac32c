// Elements from plain values. Text only ever enters the page as text nodes, so event text cannot become markup.

/** An element with attributes (on… are listeners, data an object) and children (strings, nodes, lists; null is left out). */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(node.dataset, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...flat(children));
  return node;
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** Put `children` in place of what `node` holds. */
export function fill(node, ...children) {
  node.replaceChildren(...flat(children));
}

const CONTROLS = "a, button, summary";
const THINGS = "[data-run], [data-playbook], [data-key], [data-cell]";

/** Like fill, and whoever is on a control by keyboard stays on it: the one of that name, of the same thing. */
export function refill(node, ...children) {
  const active = node.contains(document.activeElement) ? document.activeElement : null;
  const wanted = active && markOf(active);
  fill(node, ...children);
  if (wanted) [...node.querySelectorAll(CONTROLS)].find((one) => markOf(one) === wanted)?.focus({ preventScroll: true });
}

function markOf(control) {
  const { run, playbook, key, cell } = control.closest(THINGS)?.dataset ?? {};
  return [control.tagName, control.textContent, run, playbook, key, cell].join("\n");
}

/** What a page shows while there is nothing: its <template id="listening">. */
export function listening() {
  return byId("listening").content.cloneNode(true);
}

/** A source as a link if it is a web address, else as text, a long path by its end: other schemes (javascript:, data:) are never links. */
export function source(text) {
  if (/^https?:\/\//i.test(text)) return h("a", { href: text, rel: "noreferrer noopener", target: "_blank" }, text);
  const steps = text.split("/");
  return h("code", { title: text }, steps.length > 4 ? `…/${steps.slice(-2).join("/")}` : text);
}
