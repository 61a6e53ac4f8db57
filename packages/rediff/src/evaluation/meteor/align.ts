/** The alignment that covers most words, of equally good ones that in fewest pieces, then with the shortest ways: a beam
 *  search from left to right. The beam is METEOR's, and so are the places where it is not thorough; scores depend on them. */
import type { Match, Matches } from "./find-matches.js";

const BEAM = 40;

/** Exact matches count twice as much as others. Half ones are added to whole numbers and cut off there, so that a match of a
 *  single word in another way counts nothing. */
const weights = [1, 0.5, 0.5, 0.5] as const;

/** A way through the reference, as far as it has come. */
class Path {
  matched = 0;
  referenceMatched = 0;
  chunks = 0;
  /** Behind the last match, or the word that was passed over. */
  next = 0;
  /** Where the last match ends in the caption; -1 after a gap. */
  lastEnd = -1;
  distance = 0;

  constructor(
    readonly matches: (Match | undefined)[],
    readonly used: boolean[],
    readonly referenceUsed: boolean[],
  ) {}

  copy(): Path {
    const copy = new Path([...this.matches], [...this.used], [...this.referenceUsed]);
    copy.matched = this.matched;
    copy.referenceMatched = this.referenceMatched;
    copy.chunks = this.chunks;
    copy.distance = this.distance;
    return Object.assign(copy, { next: this.next, lastEnd: this.lastEnd });
  }

  isFree({ start, length, otherStart, otherLength }: Match): boolean {
    return !any(this.referenceUsed, start, length) && !any(this.used, otherStart, otherLength);
  }

  use({ start, length, otherStart, otherLength }: Match): void {
    this.referenceUsed.fill(true, start, start + length);
    this.used.fill(true, otherStart, otherStart + otherLength);
  }

  /** Takes a match up at the place that the path has come to. */
  take({ start, length, otherStart, otherLength, way }: Match): void {
    const weight = weights[way] ?? 0;
    this.matched = Math.trunc(this.matched + otherLength * weight);
    this.referenceMatched = Math.trunc(this.referenceMatched + length * weight);
    if (this.lastEnd !== -1 && otherStart !== this.lastEnd) this.chunks++;
    this.next = start + length;
    this.lastEnd = otherStart + otherLength;
  }

  passOver(): void {
    if (this.lastEnd !== -1) {
      this.chunks++;
      this.lastEnd = -1;
    }
    this.next++;
  }
}

const any = (flags: readonly boolean[], from: number, count: number): boolean => {
  for (let i = from; i < from + count; i++) if (flags[i] === true) return true;
  return false;
};

const byWorth = (a: Path, b: Path): number =>
  b.matched + b.referenceMatched - (a.matched + a.referenceMatched) || a.chunks - b.chunks || a.distance - b.distance;

const wayOf = ({ start, otherStart }: Match): number => Math.abs(start - otherStart);

/** @returns by the place in the reference where a match begins */
export function align(found: Matches): readonly (Match | undefined)[] {
  let paths = [certain(found)];
  for (const [place, matches] of found.at.entries()) {
    const next: Path[] = [];
    for (const path of paths.sort(byWorth).slice(0, BEAM)) next.push(...onwards(path, place, matches));
    paths = next.length > 0 ? next : paths.slice(0, 1);
  }
  // The last chunk is closed on those that are still looked at.
  for (const path of paths.sort(byWorth).slice(0, BEAM)) if (path.lastEnd !== -1) path.chunks++;
  return paths.slice(0, BEAM).sort(byWorth)[0]?.matches ?? [];
}

/** Matches whose words have no other. */
function certain({ at, coverage, referenceCoverage }: Matches): Path {
  const path = new Path(
    at.map(() => undefined),
    coverage.map(() => false),
    referenceCoverage.map(() => false),
  );
  const isOnly = (counts: readonly number[], from: number, count: number) =>
    counts.slice(from, from + count).every((one) => one === 1);
  for (const [place, matches] of at.entries()) {
    const [match] = matches;
    if (match === undefined || matches.length > 1) continue;
    if (!isOnly(referenceCoverage, place, match.length) || !isOnly(coverage, match.otherStart, match.otherLength))
      continue;
    path.matches[place] = match;
    path.use(match);
  }
  return path;
}

function onwards(path: Path, place: number, matches: readonly Match[]): Path[] {
  if (path.referenceUsed[place] === true) {
    if (place < path.next) return [path];
    const match = path.matches[path.next];
    if (match === undefined) return [];
    path.take(match);
    path.distance += wayOf(match);
    return [path];
  }
  const taken: Path[] = [];
  for (const match of matches) {
    if (!path.isFree(match)) continue;
    const other = path.copy();
    other.use(match);
    other.matches[place] = match;
    other.take(match);
    // Added to the path that goes on without the match, and so to copies that are made after this one: the original's.
    path.distance += wayOf(match);
    taken.push(other);
  }
  path.passOver();
  return [...taken, path];
}
