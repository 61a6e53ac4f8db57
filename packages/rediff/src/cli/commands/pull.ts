/** `rediff pull ID`: a model from the hub into the cache, or a data set. Prints its folder, ready for `--model` or `--data`. */
import { Command, InvalidArgumentError } from "commander";
import { checkModelId, MODEL_FILES } from "../../hub/hub-names.js";
import { type PullEvent, type PullOptions, pull } from "../../hub/pull.js";
import { formatBytes } from "../../units.js";
import { begin } from "../exit-status.js";
import { answerLine } from "../terminal/lines.js";
import { type Progress, progress } from "../terminal/progress.js";

interface Flags {
  dataset?: true;
  revision: string;
  include?: string[];
  exclude?: string[];
  cacheDir?: string;
  concurrency: number;
  json?: true;
}

const HELP = `
Files go to the cache that Hugging Face's own tools use (HF_HUB_CACHE, or HF_HOME/hub), so each finds what the other
pulled. An interrupted pull goes on where it stopped. Without --include it gets what a model folder needs:
${MODEL_FILES.join(" ")}
Patterns are the shell's, quoted; * also matches slashes. Put them after ID. Of a data set (--dataset) all files are taken
without --include; \`rediff evaluate\` finds it in the cache.

Environment: HF_ENDPOINT (another hub or a mirror), HF_TOKEN (private and gated models), HF_HUB_OFFLINE, HF_HOME,
HF_HUB_CACHE, HF_HUB_DOWNLOAD_TIMEOUT (seconds of silence before another try).

Examples:
  $ rediff pull GSAI-ML/LLaDA-V
  $ rediff caption photo.jpg --model "$(rediff pull GSAI-ML/LLaDA-V)"
  $ rediff pull ORG/NAME --revision v1.0 --exclude 'onnx/*'
  $ rediff pull ORG/NAME --include '*.json' '*.txt' --json
  $ rediff pull lmms-lab/POPE --dataset --include 'data/test-*'
`;

export function pullCommand(): Command {
  return new Command("pull")
    .description("download a model or a data set from the Hugging Face hub; prints its folder")
    .argument("<ID>", "model on the hub, ORG/NAME")
    .option("--dataset", "ID is a data set's")
    .option("--revision <R>", "branch, tag or commit", "main")
    .option("--include <GLOB...>", "files to get instead of the usual ones")
    .option("--exclude <GLOB...>", "files to leave out")
    .option("--cache-dir <D>", "cache folder instead of the environment's")
    .option("--concurrency <N>", "files at a time", parseConcurrency, 4)
    .option("--json", "print one JSON line instead of the folder")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(id: string, flags: Flags): Promise<void> {
  checkModelId(id);
  begin();
  const started = performance.now();
  const show = eventPrinter(id);
  try {
    const pulled = await pull(id, { ...pullOptions(flags), onEvent: show.event });
    show.end();
    const seconds = Math.round(performance.now() - started) / 1000;
    const { downloadedBytes, ...rest } = pulled;
    const answer = flags.json ? JSON.stringify({ ...rest, downloaded_bytes: downloadedBytes, seconds }) : pulled.folder;
    answerLine(answer);
  } finally {
    show.end();
  }
}

function pullOptions(flags: Flags): PullOptions {
  return {
    ...(flags.dataset && { dataset: true }),
    revision: flags.revision,
    concurrency: flags.concurrency,
    ...(flags.include && { include: flags.include }),
    ...(flags.exclude && { exclude: flags.exclude }),
    ...(flags.cacheDir && { cacheDir: flags.cacheDir }),
  };
}

/** Progress and tries only on a terminal; notices always, they are warnings. */
function eventPrinter(id: string): { event: (event: PullEvent) => void; end: () => void } {
  let line: Progress = progress({ label: id, unit: "B" });
  const event = (event: PullEvent) => {
    switch (event.type) {
      case "start": {
        line = progress({ label: id, unit: "B", total: event.bytes, initial: event.bytes - event.bytesToGet });
        if (process.stderr.isTTY) line.note(`${event.files} files, ${formatBytes(event.bytesToGet)} to download`);
        break;
      }
      case "progress":
        line.update(event.done);
        break;
      case "retry": {
        const { reason, waitMs, failures, tries } = event.retry;
        const wait = `again in ${(waitMs / 1000).toFixed(1)} s (${failures} of ${tries})`;
        if (process.stderr.isTTY) line.note(`${event.file ?? id}: ${reason}; ${wait}`);
        break;
      }
      case "notice":
        line.note(event.message);
        break;
    }
  };
  return { event, end: () => line.finish() };
}

function parseConcurrency(text: string): number {
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a whole number from 1 to 99.");
}
