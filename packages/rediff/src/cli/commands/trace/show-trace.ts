/** `rediff trace FILE`: what is in a trace of the command line or of the studio, without a model. */
import { Command } from "commander";
import { MASK_TEXT } from "../../../inference/forming/step-text.js";
import { editsAfter, textAfter } from "../../../inference/trace-replay.js";
import { begin } from "../../exit-status.js";
import { answerLine } from "../../terminal/lines.js";
import { readTrace, type TracedAnswer } from "./trace-answers.js";

interface Flags {
  steps?: true;
  json?: true;
}

const HELP = `
FILE is what \`--trace\` of caption and fill writes, or what the studio saves with Save trace; the studio opens both. Of each
answer its picture, who answered where the file says so, and the text are printed; with --steps the text after every step
before them, with ${MASK_TEXT} for each token that is not there yet. What stands behind the text's end is not shown, and what was
written over there is not counted.

--json prints a line for each answer: {"image","who","text","steps","tokens","edits","seconds","complete"}, with --steps
"texts" besides; who is null in files of --trace, and complete is false where tokens are missing.

Examples:
  $ rediff caption photo.jpg --trace steps.jsonl
  $ rediff trace steps.jsonl --steps
  $ rediff trace rediff-2026-01-02T03-04-05.json --json
`;

export function traceCommand(): Command {
  return new Command("trace")
    .description("show the answers of a trace, step by step")
    .argument("<FILE>", "trace of --trace or of the studio")
    .option("--steps", "show the text after every step as well")
    .option("--json", "print a JSON line for each answer")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(path: string, flags: Flags): Promise<void> {
  begin();
  const answers = await readTrace(path);
  for (const answer of answers) {
    if (flags.json) answerLine(JSON.stringify(record(answer, flags)));
    else for (const line of linesOf(answer, answers.length, flags)) answerLine(line);
  }
}

function record(answer: TracedAnswer, { steps: withSteps }: Flags) {
  const { image, who, length, steps } = answer;
  const seconds = steps.reduce((sum, step) => sum + step.seconds, 0);
  return {
    image,
    who: who ?? null,
    text: textOf(answer),
    steps: steps.length,
    tokens: length,
    edits: editsAfter(answer, steps.length),
    seconds: Number(seconds.toPrecision(6)),
    complete: isComplete(answer),
    ...(withSteps && { texts: textsOf(answer) }),
  };
}

function* linesOf(answer: TracedAnswer, answers: number, { steps }: Flags): Generator<string> {
  const { image, who } = answer;
  const name = [image, who].filter((part) => part !== undefined && part !== "").join(", ");
  if (steps) for (const [i, text] of textsOf(answer).entries()) yield `${String(i + 1).padStart(4)}  ${text}`;
  const text = `${textOf(answer)}${isComplete(answer) ? "" : " (cut off)"}`;
  yield answers > 1 && name !== "" ? `${name}: ${text}` : text;
}

const textOf = (answer: TracedAnswer): string => answer.text ?? textAfter(answer, answer.steps.length, MASK_TEXT);

const textsOf = (answer: TracedAnswer): string[] =>
  answer.steps.map((_, i) => textAfter(answer, i + 1, MASK_TEXT).replaceAll("\n", " "));

const isComplete = (answer: TracedAnswer): boolean =>
  answer.text !== undefined || !textAfter(answer, answer.steps.length, MASK_TEXT).includes(MASK_TEXT);
