/** Texts of others (file names, records, models' answers, hosts' listings) for a terminal or a log: what would move the
 *  cursor, change colours or turn the direction of reading is shown as a dot, not done. */

const CONTROLS = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** @param unit "lines" keeps line breaks and tabs; "line" makes dots of them, too */
export const printable = (text: string, unit: "lines" | "line" = "lines"): string =>
  text.replace(CONTROLS, (sign) => (unit === "lines" && /[\n\t]/.test(sign) ? sign : "\u00b7"));
