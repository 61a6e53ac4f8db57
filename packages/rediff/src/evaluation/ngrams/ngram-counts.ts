/** Runs of words and how often they come. */

/** Keys are words with blanks between. */
export function countNgrams(words: readonly string[], size: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + size <= words.length; i++) {
    const key = words.slice(i, i + size).join(" ");
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** Of all runs of so many words, the share that was there before: 0 where nothing is said twice. */
export function repeatedShare(words: readonly string[], size = 4): number {
  const total = words.length - size + 1;
  return total <= 0 ? 0 : 1 - countNgrams(words, size).size / total;
}
