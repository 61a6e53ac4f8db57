/** Counts by reason, for people. */

/** One line for each reason that has a count, the most frequent first. */
export function dropLines(
  label: string,
  counts: Readonly<Record<string, number>>,
  meanings: Readonly<Record<string, string>>,
): string[] {
  return Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => `  ${label}, ${meanings[reason] ?? reason}: ${count}`);
}

/** "1 archive", "2 archives" */
export const counted = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? "" : "s"}`;
