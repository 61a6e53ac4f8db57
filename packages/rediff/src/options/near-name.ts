/** What somebody may have meant by a name that there is not. */

/** The candidate with the fewest letters to change, if there are few enough for a slip. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(2, Math.floor(word.length / 3));
  const close = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance);
  return close[0]?.candidate;
}

/** The same for names that may be spelled in another way (`tokens_per_step`, `--tokens-per-step`), or come from another
 *  program.
 *  @param others what another program calls it: its name without signs, in small letters */
export function nearestName(
  name: string,
  candidates: readonly string[],
  others: Readonly<Record<string, string>> = {},
): string | undefined {
  const plain = plainName(name);
  if (plain.length > 60) return undefined; // no name, and its distance would take long
  const same = candidates.find((candidate) => plainName(candidate) === plain);
  if (same !== undefined) return same;
  const other = Object.hasOwn(others, plain) ? others[plain] : undefined;
  if (other !== undefined) return other;
  const near = nearest(plain, candidates.map(plainName));
  return candidates.find((candidate) => plainName(candidate) === near);
}

const plainName = (name: string): string => name.replace(/[^\p{L}\p{N}]/gu, "").toLowerCase();

/** Insertions, deletions and substitutions from one word to the other (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
