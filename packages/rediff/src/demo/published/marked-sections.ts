/** Sections of documents that a program writes: between `<!-- demo:NAME -->` and `<!-- /demo:NAME -->`. */
import { UserError } from "../../errors.js";

const MARK = /<!-- (\/?)demo:([a-z-]+) -->/g;

/** @param sections what stands between the marks, by name
 *  @throws UserError where a mark has no other end, or no section */
export function withSections(name: string, text: string, sections: Readonly<Record<string, string>>): string {
  const marks = [...text.matchAll(MARK)].map(({ 0: mark, 1: slash, 2: section = "", index }) => ({
    section,
    isEnd: slash === "/",
    start: index,
    end: index + mark.length,
  }));
  let result = "";
  let at = 0;
  for (let i = 0; i < marks.length; i += 2) {
    const [begin, end] = [marks[i], marks[i + 1]];
    if (begin === undefined || begin.isEnd || end?.isEnd !== true || end.section !== begin.section)
      throw new UserError(
        `${name}: the marks of demo:${begin?.section} do not go together`,
        "Each has a beginning and an end.",
      );
    const section = sections[begin.section];
    if (section === undefined)
      throw new UserError(
        `${name}: there is no section demo:${begin.section}`,
        `The sections are ${Object.keys(sections).join(", ")}.`,
      );
    result += `${text.slice(at, begin.end)}\n\n${section.trim()}\n\n`;
    at = end.start;
  }
  return result + text.slice(at);
}

/** A table of Markdown with columns of equal width, as it is read in a file. */
export function alignedTable(markdown: string): string {
  const rows = markdown.split("\n").map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const widths = (rows[0] ?? []).map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row, i) => {
      const cells = widths.map((width, column) => {
        const cell = row[column] ?? "";
        return i === 1 ? "-".repeat(width) : cell.padEnd(width);
      });
      return `| ${cells.join(" | ")} |`;
    })
    .join("\n");
}
