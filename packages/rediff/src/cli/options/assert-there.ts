import { stat } from "node:fs/promises";
import { fileError } from "../../files/read-errors.js";

/** What a command is to read has to be there before it begins. @throws UserError that says why not */
export async function assertThere(...paths: readonly string[]): Promise<void> {
  for (const path of paths)
    await stat(path).catch((error: unknown) => {
      throw fileError(path, error);
    });
}
