/** `rediff scenes score`: captions measured against the truth. */

import { Command } from "commander";
import { begin } from "../../exit-status.js";
import { assertThere } from "../../options/assert-there.js";
import { whole } from "../../options/parse-values.js";
import { answerLine } from "../../terminal/lines.js";

interface Flags {
  predictions: string;
  truth: string;
  against?: string;
  partial?: true;
  seed: number;
  json?: true;
}

const HELP = `
--json prints one line: pictures, missing, coverage, precision, position, count, size, color, background, grammar, exact,
edits, reachable, intervals (95 %, pictures resampled), against, repairs. Figures that nothing can be said about are null.

With the truth of \`scenes corrupt\` and the refined captions as predictions, repairs are scored as well.
`;

export function scenesScoreCommand(): Command {
  return new Command("score")
    .description("measure captions against the truth")
    .requiredOption("--predictions <FILE>", "JSON lines as `rediff caption --json` prints them")
    .requiredOption("--truth <FILE>", "scenes.jsonl, or what `scenes corrupt` wrote")
    .option("--against <FILE>", "other predictions of the same pictures: differences, with intervals of their own")
    .option("--partial", "score the pictures that have a prediction")
    .option("--seed <S>", "of the resampling", whole(0), 0)
    .option("--json", "print one JSON line")
    .addHelpText("after", HELP)
    .action(score);
}

async function score(flags: Flags): Promise<void> {
  const { scoreFiles } = await import("../../../scenes/scoring/score-files.js");
  const { scoreJson, scoreText } = await import("../../../scenes/scoring/score-report.js");
  const { predictions, truth, against, seed } = flags;
  const partial = flags.partial === true;
  await assertThere(predictions, truth, ...(against === undefined ? [] : [against]));
  begin();
  const report = await scoreFiles({ predictions, truth, partial, seed, ...(against !== undefined && { against }) });
  answerLine(flags.json ? JSON.stringify(scoreJson(report)) : scoreText(report));
}
