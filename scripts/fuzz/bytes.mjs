// @ts-check
/** For targets: small builders of bytes. */

/** @param {...(Uint8Array | string | number | readonly number[])} parts texts as Latin-1, numbers as bytes */
export function bytes(...parts) {
  return new Uint8Array(
    Buffer.concat(
      parts.map((part) =>
        typeof part === "string"
          ? Buffer.from(part, "latin1")
          : typeof part === "number"
            ? Buffer.of(part)
            : Buffer.from(part),
      ),
    ),
  );
}

/** @param {string} text in UTF-8 */
export const utf8 = (text) => new Uint8Array(Buffer.from(text));

/** What a parser of text gets of these bytes.
 *  @param {Uint8Array} data */
export const textOf = (data) => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString();

/** @param {unknown} value */
export const json = (value) => utf8(JSON.stringify(value));

/**
 * @param {number} width in bytes: 1, 2, 4, 8
 * @param {number | bigint} value
 * @param {boolean} isLittle
 */
export function integer(width, value, isLittle) {
  const rest = BigInt.asUintN(width * 8, BigInt(value));
  const out = Uint8Array.from({ length: width }, (_, i) => Number((rest >> BigInt(8 * i)) & 0xffn));
  return isLittle ? out : out.reverse();
}

/** @param {number} value */
export const u16le = (value) => integer(2, value, true);
/** @param {number} value */
export const u32le = (value) => integer(4, value, true);
/** @param {number | bigint} value */
export const u64le = (value) => integer(8, value, true);
/** @param {number} value */
export const u16be = (value) => integer(2, value, false);
/** @param {number} value */
export const u32be = (value) => integer(4, value, false);
/** @param {number | bigint} value */
export const u64be = (value) => integer(8, value, false);
