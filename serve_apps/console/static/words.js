// Names as words.

/** "timed_out" as "timed out". */
export const words = (name) => String(name ?? "").replaceAll("_", " ");
