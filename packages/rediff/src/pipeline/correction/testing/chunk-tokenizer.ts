/** A tokenizer for tests whose counts can be seen: a word with the space before it is cut into pieces of five characters.
 *  So "house" is one token, " house" are two, " cats" is one. */
import type { Tokenizer } from "../../../text/tokenizer.js";

export function chunkTokenizer(): Tokenizer {
  const pieces: string[] = [];
  const ids = new Map<string, number>();
  const idOf = (piece: string): number => {
    const known = ids.get(piece);
    if (known !== undefined) return known;
    ids.set(piece, pieces.length);
    pieces.push(piece);
    return pieces.length - 1;
  };
  const special = { mask: -1, bos: -2, eos: -3, pad: -3, startHeader: -4, endHeader: -5, eot: -6 };
  const split = (text: string) => (text.match(/ ?[^ ]+| /g) ?? []).flatMap((word) => word.match(/.{1,5}/gsu) ?? []);
  const encode = (text: string) => split(text).map(idOf);
  return {
    folder: "",
    length: 1000,
    largest: { token: "", id: 999 },
    special,
    specialTokens: {},
    chatTemplate: undefined,
    encode,
    encodeText: encode,
    unknown: undefined,
    longestToken: undefined,
    stages: {
      controls: new Set(["<|eot_id|>"]),
      wholes: [],
      isByteLevel: false,
      continuation: "",
      normalize: (text) => text,
      split,
      tokensOf: (piece) => [piece],
    },
    decode: (row) => Array.from(row, (id) => pieces[id] ?? "").join(""),
    isSpecial: () => false,
    tokenId: (token) => ids.get(token),
    token: (id) => pieces[id],
  };
}
