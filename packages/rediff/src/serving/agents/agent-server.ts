/** A model as a server of the Model Context Protocol: what agents (coding assistants, chat programs) start and call. */
import type { Readable, Writable } from "node:stream";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { version } from "../../version.js";
import type { StartedModel } from "../started/started-model.js";
import { addTools, type ToolOptions } from "./tools.js";

const INSTRUCTIONS =
  "Tools about pictures: `describe` says what is on one, or answers a question; `refine` proofreads a description that somebody wrote against the picture; `fill` fills in blanks of a text.";

export function agentServer(model: StartedModel, options: ToolOptions): McpServer {
  const server = new McpServer({ name: "rediff", title: "rediff", version: version() }, { instructions: INSTRUCTIONS });
  addTools(server, model, options);
  return server;
}

export interface Streams {
  input: Readable;
  output: Writable;
}

/** Serves one client until it closes its end.
 *  @returns resolves when the client has gone, or the signal told to end */
export async function serveStreams(
  server: McpServer,
  { input, output }: Streams,
  { maxBytes, signal }: { maxBytes: number; signal: AbortSignal },
): Promise<void> {
  // A picture in base64, and what is around it, in a piece of the stream.
  const maxBufferSize = 2 * Math.ceil((maxBytes * 4) / 3) + (1 << 20);
  const transport = new StdioServerTransport(input, output, { maxBufferSize });
  const gone = new Promise<void>((resolve) => {
    server.server.onclose = () => resolve();
    input.once("end", resolve).once("close", resolve);
    output.once("error", () => resolve());
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await server.connect(transport);
  await gone;
  await server.close();
}
