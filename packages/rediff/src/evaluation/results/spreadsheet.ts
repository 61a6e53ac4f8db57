/** A table as Excel has it (.xlsx): one sheet, the names of columns in its first row. */

export type Cell = string | number | null;

/** @returns the file's bytes. What XML cannot hold, such as NUL, is left out of texts */
export async function spreadsheet(columns: readonly string[], rows: readonly (readonly Cell[])[]): Promise<Uint8Array> {
  // Only whoever writes one waits for it.
  const { default: writeExcelFile } = await import("write-excel-file/node");
  const cells = rows.map((row) => row.map((value) => (typeof value === "string" ? { value, type: String } : value)));
  return writeExcelFile([[...columns], ...cells], { sheet: "Sheet1" }).toBuffer();
}
