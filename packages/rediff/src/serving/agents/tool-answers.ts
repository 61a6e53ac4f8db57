/** What a tool gives back: an answer as JSON and as text, or an error with its code and what to do about it. */
import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { inSnakeCase, UserError } from "../../errors.js";

/** Not every client reads what is structured, so its text is in `content`, too. */
export const answered = (text: string, structuredContent: Record<string, unknown>): CallToolResult => ({
  content: [{ type: "text", text }],
  structuredContent,
});

/** An error that the model behind the client can read and mend. `_meta` has the parts, for programs.
 *  @param log hears of our own mistakes, which nobody else is told */
export function failed(error: unknown, log: (line: string) => void): CallToolResult {
  const { code, message, remedy } = partsOf(error, log);
  return {
    isError: true,
    content: [{ type: "text", text: `${code}: ${message}${remedy === undefined ? "" : `\nRemedy: ${remedy}`}` }],
    _meta: { "rediff/error": { code, message, ...(remedy !== undefined && { remedy }) } },
  };
}

function partsOf(error: unknown, log: (line: string) => void) {
  if (error instanceof UserError) {
    const { code, hint } = error;
    // Message and hint are one line in a caller's words; the hint is told apart where it is plain.
    const line = error.spelled(inSnakeCase);
    const isPlain = hint !== undefined && line.endsWith(`. ${hint}`);
    return isPlain
      ? { code, message: line.slice(0, -hint.length - 2), remedy: hint }
      : { code, message: line, remedy: undefined };
  }
  log(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return {
    code: "internal",
    message: "an error of the server's own",
    remedy: "Its log (standard error) has the details.",
  };
}
