/** `rediff improve RECIPE [key=value ...]`: rounds of drafting, correcting, selecting, training and measuring. */
import { Command } from "commander";
import type { ImproveOptions } from "../../pipeline/improve/improve.js";
import type { Stage, StageReports } from "../../pipeline/improve/loop-state.js";
import { formatDuration } from "../../units.js";
import { statusOfSignal } from "../exit-status.js";
import { needTorch, useThreads } from "../options/load-engine.js";
import { assertOutput } from "../options/outputs.js";
import { whole } from "../options/parse-values.js";
import { addRecipeArguments } from "../options/recipe-arguments.js";
import { Interrupted } from "../terminal/error-text.js";
import { answerLine, noteLine } from "../terminal/lines.js";
import { progress } from "../terminal/progress.js";

interface Flags {
  threads?: number;
  json?: true;
}

const HELP = `
A recipe is a YAML file; every key can be given on the command line as well: rounds=2 expert.concurrency=16. The recipe of
the published 8B models is recipes/rediff/improve.yaml; docs/improve.md explains the loop.

Each round has a folder OUTPUT/round-N with drafts.jsonl, corrections.jsonl, train.jsonl, model/ and report.json. The same
command goes on where it was interrupted: what is done is not done again, and no answer of the expert is paid for twice.
Ctrl-C saves what is under way and ends; once more ends at once.

Examples:
  $ export OPENAI_API_KEY=...
  $ rediff improve recipes/rediff/improve.yaml output=exp/improve rounds=1 expert.budget=100
  $ rediff improve mine.yaml expert.base_url=http://127.0.0.1:8100/v1
`;

export function improveCommand(): Command {
  return addRecipeArguments(new Command("improve"))
    .description("draft, have an expert correct, learn from it, and again")
    .option("--threads <N>", "CPU threads of one operator (default those that are the fastest here)", whole(1))
    .option("--json", "one JSON line for each stage on stdout, and the report as the last one")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(file: string, overrides: string[], flags: Flags): Promise<void> {
  const { readImproveRecipe } = await import("../../pipeline/improve/improve-recipe.js");
  const recipe = readImproveRecipe(file, overrides);
  await assertOutput(recipe.output, "folder");
  await needTorch();
  await useThreads(flags.threads);
  const [{ improve }, { reportText }] = await Promise.all([
    import("../../pipeline/improve/improve.js"),
    import("../../pipeline/improve/improve-report.js"),
  ]);
  const { trainReport } = await import("../terminal/train-report.js");
  const signals = listen();
  const screen = stageScreen(flags.json === true);
  try {
    const report = await improve(recipe, {
      ...screen.observer,
      training: (keys) => trainReport(keys, { json: false }),
      signal: signals.signal,
    });
    screen.finish();
    answerLine(flags.json ? JSON.stringify({ event: "report", ...report }) : reportText(report));
  } finally {
    screen.finish();
    signals.close();
  }
}

/** The first signal ends the loop soon, a second one at once: what is on the disk is enough to go on. */
function listen() {
  const abort = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    const reason = new Interrupted(signal);
    if (abort.signal.aborted) process.exit(statusOfSignal(signal));
    noteLine(`\n${signal}: saving what is under way; once more ends at once`);
    abort.abort(reason);
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  return { signal: abort.signal, close: () => process.off("SIGINT", onSignal).off("SIGTERM", onSignal) };
}

const doing: Record<Stage, { label: string; unit: string }> = {
  draft: { label: "drafting", unit: "drafts" },
  correct: { label: "asking the expert", unit: "drafts" },
  select: { label: "selecting", unit: "drafts" },
  train: { label: "training", unit: "steps" },
  evaluate: { label: "measuring", unit: "drafts" },
};

/** Notes that are shown of a stage; FILE.left-out.jsonl and FILE.failed.jsonl beside its results have all of them. */
const SHOWN_NOTES = 5;

function stageScreen(json: boolean): { observer: ImproveOptions; finish: () => void } {
  let bar = progress({ label: "", unit: "" });
  let [label, unit, total, notes] = ["", "", 0, 0];
  const finish = () => {
    bar.finish();
    total = 0;
  };
  return {
    finish,
    observer: {
      onStage(round, stage) {
        ({ label, unit } = doing[stage]);
        label = `round ${round}: ${label}`;
        notes = 0;
        noteLine(label);
      },
      onProgress(done, all) {
        if (all !== total) {
          bar.finish();
          bar = progress({ label, unit, total: all, initial: done });
          total = all;
        }
        bar.update(done);
      },
      onNote(line) {
        if (++notes <= SHOWN_NOTES) bar.note(line);
        else if (notes === SHOWN_NOTES + 1) bar.note("... further ones are in the files of the round only");
      },
      onStageDone(round, stage, report, before) {
        finish();
        if (json) answerLine(`${JSON.stringify({ event: "stage", round, stage, before, ...report })}`);
        else if (!before) noteLine(`round ${round}: ${summaries[stage](report as never)}`);
      },
    },
  };
}

/** What a stage came to, in a few words. */
const summaries: { [S in Stage]: (report: StageReports[S]) => string } = {
  draft: ({ drafts, records, seconds }) => `${drafts} drafts of ${records} records, in ${formatDuration(seconds)}`,
  correct: ({ total, drafts, reused, failed, requests }) => {
    const lost = Object.values(failed).reduce((sum, count) => sum + count, 0);
    return [
      `${total.answers} answers about ${drafts} drafts: ${total.right} right, ${total.corrected} corrected`,
      ...(reused > 0 ? [`${reused} known before`] : []),
      ...(lost > 0 ? [`${lost} without an answer`] : []),
      `${requests} requests`,
      ...(total.cost === null ? [] : [`cost ${total.cost.toFixed(total.cost < 1 ? 4 : 2)}`]),
    ].join(", ");
  },
  select: ({ kept, drafts, pairs }) =>
    `${kept} of ${drafts} answers can be learnt from, ${pairs.kept} of ${pairs.total} replacements`,
  train: ({ steps, corrections, extra, seconds, model }) =>
    `${model}: ${steps} updates on ${corrections} corrections${extra > 0 ? ` and ${extra} other samples` : ""}, ` +
    `in ${formatDuration(seconds)}`,
  evaluate: ({ seconds }) => `measured, in ${formatDuration(seconds)}`,
};
