/** JSON that another process has put into the store, read as what it has to be: processes of another version, or another
 *  program at the same port, are told as that. */
import type { z } from "zod";
import { UserError } from "../errors.js";

/** @throws UserError naming the key */
export function storedValue<T>(key: string, text: string, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const { success, data } = schema.safeParse(value);
  if (success) return data;
  throw new UserError(
    `what another process says under ${key} cannot be read: ${text.slice(0, 80)}`,
    "Do all processes run the same version of rediff, and is the port theirs alone?",
  );
}
