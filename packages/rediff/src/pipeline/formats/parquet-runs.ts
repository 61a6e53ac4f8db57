/** Runs of equal values, and of values packed in bits, as parquet writes levels and indices of dictionaries: five bytes can
 *  claim two thousand million values. */

/** Bits of each value. @param level the largest */
export const widthOf = (level: number): number => 32 - Math.clz32(level);

interface Runs {
  at: number;
  end: number;
  /** Bits of a value. */
  width: number;
  /** How many there should be. */
  values: number;
  isRest?: boolean;
}

/** Writers fill up the last run of bits. */
const SLACK = 512;

/** @param isRest there may be fewer values than the page claims, as nulls have none
 *  @throws Error when they are more, or fewer */
export function checkRuns(data: Uint8Array, { at, end, width, values, isRest = false }: Runs): void {
  let left = values;
  while (left > 0 && at < end) {
    let header = 0;
    let scale = 1;
    for (let byte = 128; byte >= 128; scale *= 128) {
      byte = data[at++] ?? 0;
      header += (byte & 127) * scale;
      if (scale > 2 ** 35 || at > end) throw new Error("a run has no length");
    }
    const isBits = header % 2 === 1;
    const count = isBits ? ((header - 1) / 2) * 8 : header / 2;
    if (count > left + (isBits ? SLACK : 0)) throw new Error(`a run claims ${count} values, and ${left} are left`);
    at += isBits ? (count / 8) * width : Math.ceil(width / 8);
    left -= count;
  }
  if (left > 0 && !isRest) throw new Error(`its runs have ${values - left} of ${values} values`);
}

/** The same, behind their length in four bytes. @returns where they end */
export function checkPrefixedRuns(data: Uint8Array, at: number, runs: Omit<Runs, "at" | "end">): number {
  if (at + 4 > data.length) throw new Error("a page ends in the middle");
  const length = Buffer.from(data.buffer, data.byteOffset, data.byteLength).readUInt32LE(at);
  const end = at + 4 + length;
  if (end > data.length) throw new Error(`${length} bytes of levels in a page of ${data.length}`);
  checkRuns(data, { ...runs, at: at + 4, end });
  return end;
}
