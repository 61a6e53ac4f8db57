/** Names of archive members and pictures, made safe to be joined to a folder. */

const DEEPEST = 64;
/** Bytes: disks take 255, and a file has a longer name while it is written. */
const LONGEST_PART = 240;

/** The name without "./" and double slashes, or what is wrong with it. Names are only ever refused, never bent into
 *  something else: who writes `../../data/x` into an archive does not mean `x`. */
export function memberPath(name: string): string | { wrong: string } {
  if (name.includes("\0")) return { wrong: "has a zero byte" };
  if (name.includes("\\")) return { wrong: "has a backslash" };
  if (name.startsWith("/") || /^[A-Za-z]:/.test(name)) return { wrong: "is absolute" };
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) return { wrong: "leaves the folder" };
  if (parts.length === 0) return { wrong: "is empty" };
  if (parts.length > DEEPEST) return { wrong: `is more than ${DEEPEST} folders deep` };
  if (parts.some((part) => Buffer.byteLength(part) > LONGEST_PART))
    return { wrong: `has a part of more than ${LONGEST_PART} bytes` };
  return parts.join("/");
}
