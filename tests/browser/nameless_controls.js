// Controls that a screen reader could not name.
() => [...document.querySelectorAll("a, button, input, select, textarea")]
  .filter((node) => node.checkVisibility())
  .filter((node) => !(node.textContent.trim() || node.ariaLabel || node.title || node.labels?.[0]?.textContent.trim()))
  .map((node) => node.outerHTML)
