/** `rediff mcp`: describe, refine and fill as tools of agents, over standard input and output. */
import { Writable } from "node:stream";
import { Command } from "commander";
import { EMBEDDED_NOTE } from "../../../embedded.js";
import { addModelOptions, chosenModel, loadOptions, type ModelFlags } from "../../options/describe-options.js";
import { needTorch, suitableModel } from "../../options/load-engine.js";
import { collect, seconds, whole } from "../../options/parse-values.js";
import { listenForInterrupts } from "../../terminal/interrupts.js";
import { noteLine } from "../../terminal/lines.js";

interface Flags extends ModelFlags {
  allow?: string[];
  allowUrls?: true;
  batch: number;
  queue: number;
  maxPixels: number;
  maxBytes: number;
  pictureTimeout: number;
  heartbeatTimeout: number;
  stepTimeout: number;
}

const HELP = `
Speaks the Model Context Protocol on standard input and output: agents start it, and call its tools describe, refine and
fill. The model is loaded by the first call, in a process of its own. docs/agents.md has what to write into the settings of
agents.

Examples:
  $ rediff mcp
  $ rediff mcp --model ReDiff-8B --allow ~/Pictures --allow /data/photos
`;

/** Of fetching a picture, as the server has it. */
const FETCH_TIMEOUT_MS = 10_000;

export function mcpCommand(): Command {
  const command = new Command("mcp").description("describe, refine and fill as tools of agents (MCP, over stdio)");
  addModelOptions(command)
    .option(
      "--allow <DIR>",
      "a folder whose pictures may be named by their paths, may be given again (default the working directory)",
      collect,
    )
    .option("--allow-urls", "fetch http(s) pictures; only from public addresses")
    .option("--batch <N>", "calls decoded together", whole(1), 4)
    .option("--queue <N>", "calls that may wait; beyond, an error", whole(0), 64)
    .option("--max-pixels <N>", "largest picture", whole(1), 50_000_000)
    .option("--max-bytes <N>", "largest picture file", whole(1024), 16 << 20)
    .option("--picture-timeout <SECONDS>", "work on one picture, without what it waits", seconds(0.1), 30)
    .option(
      "--heartbeat-timeout <SECONDS>",
      "replace the model's process when it gives no sign of life for",
      whole(1),
      30,
    )
    .option("--step-timeout <SECONDS>", "replace it when one step takes longer than", whole(1), 600);
  return command.addHelpText("after", HELP).action(run);
}

async function run(flags: Flags): Promise<void> {
  const folder = await suitableModel(flags, true);
  const { AllowedFolders } = await import("../../../serving/agents/allowed-folders.js");
  const folders = await AllowedFolders.of(flags.allow ?? [process.cwd()]);
  chosenModel(flags);
  const output = protocolOutput();
  if (flags.model === undefined) noteLine(`rediff: ${EMBEDDED_NOTE}`);
  await needTorch();
  const [{ agentServer, serveStreams }, { startModel }] = await Promise.all([
    import("../../../serving/agents/agent-server.js"),
    import("../../../serving/started/model-start.js"),
  ]);
  const log = (line: string) => noteLine(`rediff: ${line}`);
  const { threads, batch, queue, maxPixels, maxBytes, pictureTimeout, allowUrls = false } = flags;
  const { heartbeatTimeout, stepTimeout } = flags;
  await using model = await startModel(folder, {
    ...loadOptions(flags),
    ...(threads !== undefined && { threads }),
    ...{
      batch,
      queue,
      heartbeatTimeout,
      stepTimeout,
      lazy: true,
      log,
      pictures: { maxPixels, seconds: pictureTimeout },
    },
  });
  using interrupt = listenForInterrupts();
  const pictures = { folders, allowUrls, maxBytes, fetchTimeoutMs: FETCH_TIMEOUT_MS };
  const server = agentServer(model, { pictures, maxPixels, log });
  const { signal } = interrupt;
  // Whoever started it ends it: being told to is no failure.
  await serveStreams(server, { input: process.stdin, output }, { maxBytes, signal });
}

/** Standard output for the protocol alone: whatever else is written there goes to standard error from now on. */
function protocolOutput(): Writable {
  const { stdout } = process;
  const write = stdout.write.bind(stdout);
  stdout.write = process.stderr.write.bind(process.stderr);
  return new Writable({
    write: (chunk: Uint8Array, _, done) => void write(chunk, done),
  });
}
