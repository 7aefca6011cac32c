// A list in pages: fetched, shown, continued, and refreshed in place.

import { failed } from "./dialog.js";
import { byId, fill, h, listening } from "./dom.js";
import { number } from "./format.js";

/**
 * `fetch_page(after)` gives {items, next}; `show(items)` draws them, and says how many where it leaves some out. Expects #none, #count and #more on the page.
 */
export function paged(fetch_page, show) {
  let items = [];
  let next = null;
  let turn = 0;

  const draw = () => {
    const count = show(items) ?? items.length;
    fill(byId("none"), count ? null : items.length ? h("p", { class: "hint" }, "Nothing that is listed fits these words.") : byId("listening") ? listening() : null);
    byId("count").textContent = items.length ? `${number(count)}${count < items.length ? ` of ${number(items.length)}` : ""}${next ? " of more" : ""} shown` : "";
    byId("more").hidden = next === null || next === undefined;
  };

  const load = async (pages) => {
    turn += 1;
    const mine = turn;
    try {
      let [all, after] = [[], null];
      for (let count = 0; count < pages; count += 1) {
        const page = await fetch_page(after);
        if (mine !== turn) return;
        all = all.concat(page.items);
        after = page.next;
        if (after === null || after === undefined) break;
        if (!all.length) {
          count -= 1; // a search that ended before it found anything goes on
          byId("count").textContent = "Searching …";
        }
      }
      [items, next] = [all, after];
      draw();
    } catch (error) {
      if (mine === turn) failed(byId("none"), error, () => load(pages));
    }
  };

  let shown = 1;
  const more = async () => {
    turn += 1;
    const mine = turn;
    byId("more").disabled = true;
    try {
      let page = { items: [], next };
      while (!page.items.length && page.next !== null && page.next !== undefined) {
        page = await fetch_page(page.next);
        if (mine !== turn) return;
      }
      shown += 1;
      items = items.concat(page.items);
      next = page.next;
      draw();
    } catch (error) {
      failed(byId("none"), error, more);
    } finally {
      byId("more").disabled = false;
    }
  };

  byId("more").addEventListener("click", more);
  return {
    restart: () => { shown = 1; return load(1); },
    refresh: () => load(shown),
    redraw: draw,
    items: () => items,
  };
}

/** Keep a form's choices in the address, so that a page can be linked to and gone back to. */
export function remembered(form) {
  const asked = new URLSearchParams(location.search);
  for (const field of form.elements) {
    if (!field.name || !asked.has(field.name)) continue;
    if (field.type === "radio") field.checked = field.value === asked.get(field.name);
    else field.value = asked.get(field.name);
  }
  return () => {
    const said = [...new FormData(form)].filter(([, value]) => value !== "");
    history.replaceState(null, "", said.length ? `?${new URLSearchParams(said)}` : location.pathname);
  };
}

/** A form's values by name. */
export const valuesOf = (form) => Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]));
