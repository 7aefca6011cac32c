// Questions and short notices.

import { byId, fill, h } from "./dom.js";
import * as live from "./live.js";

/**
 * Ask with a form; the promise gives the values by name, or null where the person thinks better of it.
 * `content` is a node to be looked at before. A field: {name, label, type?: text|textarea|select|checkbox, options?: [[value, label]], value?, required?, hint?}.
 */
export function ask({ title, text = "", content = null, fields = [], submit = "OK", danger = false }) {
  return new Promise((resolve) => {
    const form = h("form", { method: "dialog" },
      h("h2", { id: "dialog-title" }, title),
      content,
      text && h("p", {}, text),
      fields.map(control),
      h("p", { class: "buttons" },
        h("button", { type: "button", class: "plain", onclick: () => dialog.close() }, "Cancel"),
        h("button", { class: danger ? "primary danger" : "primary", value: "ok" }, submit)));
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "ok" ? values(form, fields) : null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

function control({ name, label, type = "text", options = [], value = "", required = false, hint = "" }) {
  const attributes = { name, required };
  let input;
  if (type === "select") {
    input = h("select", attributes, options.map(([key, text]) => h("option", { value: key, selected: key === value }, text)));
  } else if (type === "textarea") {
    input = h("textarea", { ...attributes, rows: 8 }, value);
  } else {
    input = h("input", { ...attributes, type, value: type === "checkbox" ? null : value, autocomplete: "off" });
  }
  return h("label", { class: type }, h("span", {}, label), input, hint && h("small", {}, hint));
}

function values(form, fields) {
  return Object.fromEntries(fields.map(({ name, type }) => {
    const input = form.elements.namedItem(name);
    return [name, type === "checkbox" ? input.checked : input.value.trim()];
  }));
}

/** Show `content` until the person closes it. */
export function show(title, ...content) {
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" },
    h("form", { method: "dialog" }, h("h2", { id: "dialog-title" }, title), content,
      h("p", { class: "buttons" }, h("button", { class: "primary" }, "Close"))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** Say what was done, or what went wrong; `undo` offers to take it back. */
export function toast(text, { bad = false, undo = null } = {}) {
  const note = h("div", { class: bad ? "toast bad" : "toast" }, h("span", {}, text));
  const leave = () => note.remove();
  if (undo) note.append(h("button", { type: "button", class: "small", onclick: () => { leave(); undo(); } }, "Undo"));
  note.append(h("button", { type: "button", class: "plain small", "aria-label": "Dismiss", onclick: leave }, "×"));
  byId("toasts").append(note);
  setTimeout(leave, bad ? 12_000 : 7_000);
}

/** Say of an error what the server says. */
export function complain(error) {
  toast(error.field ? `${error.message} (${error.field})` : error.message, { bad: true });
}

/** Show in `node` why it could not be filled, with a way to try again; when Grace is back, it tries by itself. */
export function failed(node, error, again) {
  const said = h("div", { class: "empty bad", role: "alert" }, h("p", {}, h("strong", {}, error.message)),
    again && h("p", {}, h("button", { type: "button", onclick: again }, "Try again")));
  fill(node, said);
  if (again) live.onceBack(() => { if (said.isConnected) again(); });
}
