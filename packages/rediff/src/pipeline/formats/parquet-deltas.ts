/** Whole numbers as parquet's delta encoding writes them: a first one, and blocks of differences, packed in as many bits
 *  as the largest of a few takes. */

const MOST_BLOCK = 2 ** 20;
const MOST_MINIBLOCKS = 1024;

/** @param values that the page claims
 *  @returns the sum of those above 0 (modulo 2^32, as lengths are)
 *  @throws Error when blocks, or their number, are more than they can be */
export function checkDeltas(data: Uint8Array, at: number, values: number): number {
  if (at >= data.length) return 0; // nothing but nulls
  const numbers = new Numbers(data, at);
  const [block, miniblocks, count] = [numbers.varint(), numbers.varint(), numbers.varint()];
  if (
    !(block >= 1 && block <= MOST_BLOCK && miniblocks >= 1 && miniblocks <= MOST_MINIBLOCKS && block % miniblocks === 0)
  )
    throw new Error(`differences in blocks of ${block} by ${miniblocks}`);
  if (count > values) throw new Error(`${count} numbers in a page of ${values} values`);
  let value = numbers.zigzag() | 0;
  let sum = Math.max(0, value);
  let left = count - 1;
  while (left > 0) {
    const least = numbers.zigzag() | 0;
    const widths = Array.from({ length: miniblocks }, () => numbers.byte());
    for (const width of widths) {
      if (left <= 0) break;
      if (width > 64) throw new Error(`differences of ${width} bits`);
      // Writers fill up the last one.
      const end = numbers.bit + width * (block / miniblocks);
      for (let i = 0; i < block / miniblocks && left > 0; i++, left--) {
        value = (value + least + numbers.packed(width)) | 0;
        sum += Math.max(0, value);
      }
      numbers.bit = end;
    }
  }
  return sum;
}

/** What is left of the data. Bytes are asked for at their first bit only. */
class Numbers {
  readonly #data: Uint8Array;
  /** Where the next number begins, from the start of the data. */
  bit: number;

  constructor(data: Uint8Array, at: number) {
    this.#data = data;
    this.bit = 8 * at;
  }

  byte(): number {
    const byte = this.#data[this.bit / 8];
    if (byte === undefined) throw new Error("differences end in the middle");
    this.bit += 8;
    return byte;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 70; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new Error("a number has too many digits");
  }

  zigzag(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** The low 32 bits of the next so many. */
  packed(width: number): number {
    let value = 0;
    for (let i = 0; i < width; i++, this.bit++) {
      const byte = this.#data[this.bit >> 3];
      if (byte === undefined) throw new Error("differences end in the middle");
      if (i < 32) value |= ((byte >> (this.bit & 7)) & 1) << i;
    }
    return value;
  }
}
