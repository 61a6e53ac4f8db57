/** null asks for nothing, whatever field it stands in: clients that serialise whole objects send it for what nobody
 *  set. */

/** Deeper than any field lies; what is below is refused by the schema anyway. */
const DEEPEST = 8;

/** Takes the fields that are null out of a body's objects, in place; entries of lists stay. */
export function dropNulls(value: unknown, depth = 0): void {
  if (typeof value !== "object" || value === null || depth > DEEPEST) return;
  if (Array.isArray(value)) {
    for (const entry of value) dropNulls(entry, depth + 1);
    return;
  }
  for (const [key, inner] of Object.entries(value))
    if (inner === null) delete (value as Record<string, unknown>)[key];
    else dropNulls(inner, depth + 1);
}
