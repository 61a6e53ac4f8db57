/** Which words of two texts differ: a longest common subsequence of words, without libraries. */

export interface Piece {
  text: string;
  same: boolean;
}

/** Both texts in pieces. Joined, the pieces of a side are its text; words that are the same come in the same order. */
export function diffWords(left: string, right: string): { left: Piece[]; right: Piece[] } {
  const a = pieces(left);
  const b = pieces(right);
  const common = commonWords(
    a.map((piece) => piece.trim()),
    b.map((piece) => piece.trim()),
  );
  const inLeft = new Set(common.map(([i]) => i));
  const inRight = new Set(common.map(([, j]) => j));
  return {
    left: a.map((text, i) => ({ text, same: inLeft.has(i) })),
    right: b.map((text, j) => ({ text, same: inRight.has(j) })),
  };
}

export function countDifferent(side: readonly Piece[]): number {
  return side.filter(({ same }) => !same).length;
}

/** Words and signs, each with the white space after it; leading white space goes with the first. */
function pieces(text: string): string[] {
  return text.match(/^\s+$|(?:^\s+)?(?:[\p{L}\p{N}'-]+|[^\s\p{L}\p{N}])\s*/gu) ?? [];
}

/** Pairs of indices of a longest common subsequence. */
function commonWords(a: readonly string[], b: readonly string[]): [number, number][] {
  // lengths[i][j]: of a from i on and b from j on
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  const at = (i: number, j: number) => lengths[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    const row = lengths[i];
    if (row === undefined) continue;
    for (let j = b.length - 1; j >= 0; j--) {
      row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const found: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) found.push([i++, j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i++;
    else j++;
  }
  return found;
}
