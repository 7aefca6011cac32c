// Texts whose contrast with what is behind them is below WCAG AA: 4.5, or 3 where they are large.
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

  function rgba(color) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  }

  function luminance([red, green, blue]) {
    const [r, g, b] = [red, green, blue].map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  function ground(node) {
    for (let at = node; at; at = at.parentElement) {
      const color = rgba(getComputedStyle(at).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  }

  function hasText(node) {
    return [...node.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.textContent.trim());
  }

  const faint = [];
  for (const node of document.querySelectorAll("body *")) {
    if (!hasText(node) || !node.checkVisibility() || node.closest(":disabled")) continue;
    const style = getComputedStyle(node);
    const [high, low] = [luminance(rgba(style.color)), luminance(ground(node))].sort((one, other) => other - one);
    const ratio = (high + 0.05) / (low + 0.05);
    const needed = parseFloat(style.fontSize) >= 24 ? 3 : 4.5;
    if (ratio < needed) faint.push(`${ratio.toFixed(2)} ${node.tagName}.${node.className}: ${node.textContent.trim().slice(0, 40)}`);
  }
  return faint;
}
