/** A data file to the index of its records, by the kind of the file. */

import { extname } from "node:path";
import { UserError } from "../../errors.js";
import { fileError } from "../../files/read-errors.js";
import { assertRegular, openRegular } from "../../files/regular-file.js";
import type { FileIndex, ScanOptions } from "./file-index.js";
import { scanJson } from "./scan-json.js";
import { scanTar } from "./scan-tar.js";

/** Scans a data file. @throws UserError when it cannot be read, is of an unknown kind, or is cut off */
export async function indexFile(file: string, options: ScanOptions = {}): Promise<FileIndex> {
  const extension = extname(file).toLowerCase();
  if (extension === ".tar") {
    await assertRegular(file, "a data file");
    return scanTar(file, options);
  }
  if (![".json", ".jsonl", ".ndjson"].includes(extension)) throw unknownKind(file, extension);
  const handle = await openRegular(file, "a data file");
  try {
    return await scanJson(file, handle, options);
  } catch (cause) {
    throw cause instanceof Error && "code" in cause && "syscall" in cause ? fileError(file, cause) : cause;
  } finally {
    await handle.close();
  }
}

function unknownKind(file: string, extension: string): UserError {
  const hint = {
    ".parquet": "Turn it into JSONL with `rediff data convert`",
    ".gz": "Unpack it first: compressed files have no random access",
    ".tgz": "Unpack it to a plain .tar first: compressed files have no random access",
    ".csv": "Write its rows as JSONL with the keys image and conversations",
  }[extension];
  return new UserError(
    `${file}: data files end in .json, .jsonl, .tar or .yaml${extension === "" ? "" : `, not ${extension}`}`,
    hint,
  );
}
