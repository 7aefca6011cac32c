// From values to places on a plot: round ticks, a range that shows what matters, and paths with gaps.

const MINUTE = 60_000;
const SPANS = [5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080, 20_160, 40_320].map((minutes) => minutes * MINUTE);
const SHARE_MIN = 0.4; // of the height that the values keep when a threshold is taken in

/** Round numbers between `low` and `high`, about `count` of them. */
export function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= rough * 0.999);
  const found = [];
  for (let index = Math.ceil(low / step - 1e-9); index * step <= high + step * 1e-9; index += 1) found.push(index * step);
  return found;
}

/** Round times of the local day between two times in ms, at most `count`. */
export function timeTicks(from, to, count) {
  const span = SPANS.find((one) => (to - from) / one <= count) ?? SPANS.at(-1);
  const shift = new Date(from).getTimezoneOffset() * MINUTE;
  const found = [];
  for (let at = Math.ceil((from - shift) / span) * span + shift; at <= to; at += span) found.push(at);
  return found;
}

/** {low, high, shown, beyond}: the range of values, with each threshold that does not press the values flat. */
export function range({ past, ahead, thresholds }) {
  const values = [...past.flatMap((one) => [one.value, one.low, one.high]), ...ahead.flatMap((one) => [one.lower_95, one.upper_95])].filter(Number.isFinite);
  if (!values.length) values.push(0, 1);
  let [low, high] = [Math.min(...values), Math.max(...values)];
  const least = Math.max(Math.abs(high), Math.abs(low)) * 0.02 || 1;
  if (high - low < least) [low, high] = [low - least / 2, high + least / 2];
  const own = high - low;
  const [shown, beyond] = [[], []];
  for (const threshold of [...thresholds].sort((one, other) => distance(one.value, low, high) - distance(other.value, low, high))) {
    const [down, up] = [Math.min(low, threshold.value), Math.max(high, threshold.value)];
    if (own / (up - down) < SHARE_MIN) {
      beyond.push({ ...threshold, isAbove: threshold.value > high });
    } else {
      [low, high] = [down, up];
      shown.push(threshold);
    }
  }
  const isPositive = Math.min(...values) >= 0;
  const air = (high - low) * 0.06;
  return { low: isPositive ? Math.max(0, low - air) : low - air, high: high + air, shown, beyond };
}

function distance(value, low, high) {
  return Math.max(low - value, value - high, 0);
}

const two = (value) => Math.round(value * 100) / 100;

/** The path of a line through [x, y] places; null breaks it. */
export function line(places) {
  let isDown = false;
  return places.map((place) => {
    if (!place) {
      isDown = false;
      return "";
    }
    const step = `${isDown ? "L" : "M"}${two(place[0])},${two(place[1])}`;
    isDown = true;
    return step;
  }).join("");
}

/** The path of an area between two rows of places. */
export function area(upper, lower) {
  if (!upper.length) return "";
  return `${line(upper)}${line([...lower].reverse()).replace("M", "L")}Z`;
}

/** Rows of neighbours: split wherever two are further apart than 1.6 steps. */
export function runs(items, step_ms) {
  const found = [];
  for (const item of items) {
    const last = found.at(-1)?.at(-1);
    if (last && item.at - last.at <= step_ms * 1.6) found.at(-1).push(item);
    else found.push([item]);
  }
  return found;
}
