/** `rediff scenes expert`: an expert that knows the truth, behind OpenAI's chat API. */

import { Command } from "commander";
import { begin } from "../../exit-status.js";
import { decimal, whole } from "../../options/parse-values.js";
import { answerLine, noteLine } from "../../terminal/lines.js";

interface Flags {
  truth: string;
  port: number;
  host: string;
  omissionCost?: number;
  shorter?: number;
}

const HELP = `
Answers POST /v1/chat/completions as \`rediff data correct\` asks: the picture as a data URL, and the text
"Question: ...", "Answer: ...", "Prediction: ...". It knows pictures by their bytes. The reply is "right", or a JSON list
of {"org", "target"} that makes the prediction true with as few words changed as possible; where no true caption has as
many words, a sentence that says so, which counts as no usable reply.
`;

export function scenesExpertCommand(): Command {
  return new Command("expert")
    .description("serve an expert that knows the truth, with OpenAI's chat API")
    .requiredOption("--truth <FILE>", "scenes.jsonl")
    .option("--port <P>", "0 takes a free one", whole(0), 8100)
    .option("--host <H>", "address to listen on", "127.0.0.1")
    .option("--omission-cost <N>", "may leave facts out, each at the price of N changed words", decimal)
    .option("--shorter <N>", "may end up to N words earlier, for training with revise_shorter", whole(0))
    .addHelpText("after", HELP)
    .action(expert);
}

async function expert(flags: Flags): Promise<void> {
  const { readTruth } = await import("../../../scenes/expert/oracle-reply.js");
  const { startExpert } = await import("../../../scenes/expert/oracle-server.js");
  const { truth: file, ...options } = flags;
  const truth = await readTruth(file);
  begin();
  const server = await startExpert({ truth, ...options });
  answerLine(`${server.url} (${truth.size} scenes)`);
  await new Promise<void>((resolve) => process.once("SIGINT", () => resolve()).once("SIGTERM", () => resolve()));
  await server.close();
  noteLine(`${server.requests} requests`);
}
