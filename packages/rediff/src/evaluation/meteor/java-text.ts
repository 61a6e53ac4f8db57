/** What Java makes of text where METEOR leans on it: its white space is not JavaScript's, and words are compared by hashes. */

/** StringTokenizer: at these five characters alone. */
export const javaWords = (text: string): string[] => text.split(/[ \t\n\r\f]+/).filter((word) => word !== "");

/** String.trim: everything up to the blank, and nothing else. */
export const javaTrim = (text: string): string => text.replace(/^[\0-\x20]+|[\0-\x20]+$/g, "");

/** String.hashCode, of 32 bits. METEOR takes words of one hash for one word. */
export function javaHash(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash;
}
