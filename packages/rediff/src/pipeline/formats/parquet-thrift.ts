/** Thrift's compact protocol, as far as parquet's footers and page headers need it: passed over within bounds, before the
 *  library makes lists of whatever length they claim. https://github.com/apache/thrift/blob/master/doc/specs */

const DEEPEST = 32;

const [TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, , STRUCT] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

/** Numbers, booleans and structs by their field's number; texts and lists are passed over. */
export type Fields = ReadonlyMap<number, number | boolean | Fields>;

export class ThriftReader {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.at = at;
  }

  /** @throws Error for what does not lie within the bytes */
  struct(depth = 0): Fields {
    if (depth > DEEPEST) throw new Error("structures are nested too deep");
    const fields = new Map<number, number | boolean | Fields>();
    let id = 0;
    for (;;) {
      const head = this.#byte();
      if (head === 0) return fields;
      id = head >> 4 === 0 ? this.#zigzag() : id + (head >> 4);
      const value = this.#value(head & 15, depth);
      if (value !== undefined) fields.set(id, value);
    }
  }

  #value(type: number, depth: number): number | boolean | Fields | undefined {
    if (type === TRUE || type === FALSE) return type === TRUE;
    if (type === I16 || type === I32 || type === I64) return this.#zigzag();
    if (type === STRUCT) return this.struct(depth + 1);
    if (type === BYTE) this.#pass(1);
    else if (type === DOUBLE) this.#pass(8);
    else if (type === BINARY) this.#pass(this.#varint());
    else if (type === LIST || type === SET) this.#list(depth + 1);
    else throw new Error(`a field has the unknown type ${type}`);
    return undefined;
  }

  #list(depth: number): void {
    if (depth > DEEPEST) throw new Error("lists are nested too deep");
    const head = this.#byte();
    const type = head & 15;
    const size = head >> 4 === 15 ? this.#varint() : head >> 4;
    // An element takes a byte at least.
    if (size > this.#bytes.length - this.at)
      throw new Error(`a list claims ${size} elements, and ${this.#bytes.length - this.at} bytes are left`);
    for (let i = 0; i < size; i++)
      if (type === TRUE || type === FALSE) this.#pass(1);
      else this.#value(type, depth);
  }

  #byte(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw new Error("it ends in the middle");
    return byte;
  }

  #pass(count: number): void {
    if (!(count <= this.#bytes.length - this.at))
      throw new Error(`a value claims ${count} bytes, and ${this.#bytes.length - this.at} are left`);
    this.at += count;
  }

  #varint(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 70; scale *= 128) {
      const byte = this.#byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new Error("a number has too many digits");
  }

  #zigzag(): number {
    const value = this.#varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}
