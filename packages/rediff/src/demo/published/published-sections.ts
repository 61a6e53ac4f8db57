/** What the documents say in figures, section by section: the README, docs/embedded-model.md and the model card. */
import type { Figure } from "../../scenes/scoring/score.js";
import { questionTasks } from "../asked/question-figures.js";
import {
  elsewhereTable,
  gainTable,
  lossTable,
  questionTable,
  refiningTable,
  roundTable,
  summaryTable,
} from "../table-text.js";
import { alignedTable } from "./marked-sections.js";
import type { Measured } from "./measured.js";

export const judged: readonly Figure[] = ["coverage", "precision", "position", "grammar", "exact"];
export const elsewhereFigures: readonly Figure[] = ["coverage", "precision", "position", "count", "exact"];

export function publishedSections(measured: Measured): Record<string, string> {
  const { count, stages, scored, threshold } = measured;
  const summary = summaryTable(stages, scored, judged);
  return {
    model: modelLine(measured),
    scenes: `${count} scenes that no training has seen; in brackets 95 % intervals from resampled scenes.`,
    short: alignedTable(withoutIntervals(summary)),
    summary: alignedTable(summary),
    loss: alignedTable(lossTable(measured.losses)),
    gain: alignedTable(gainTable(measured.gains, judged)),
    rounds: measured.rounds.length === 0 ? "The rounds were not measured." : alignedTable(roundTable(measured.rounds)),
    elsewhere: alignedTable(elsewhereTable(measured.elsewhere, elsewhereFigures)),
    refine: alignedTable(refiningTable(measured.refining)),
    "two-errors": alignedTable(refiningTable(measured.two)),
    foreign: alignedTable(refiningTable(measured.foreign)),
    questions: alignedTable(questionTable(measured.asked)),
    card: cardOf(measured, threshold),
  };
}

function modelLine({ model }: Measured): string {
  const { parameters, width, layers, size, patches, vocabulary, answer } = model;
  return `${(parameters / 1e6).toFixed(2)} M parameters: width ${width}, ${layers} layers each of tower and language model, pictures of ${size} pixels as ${patches} patches, ${vocabulary} tokens in the vocabulary, answers of ${answer} tokens.`;
}

const withoutIntervals = (table: string): string => table.replace(/ \(\d\.\d+-\d\.\d+\)/g, "");

/** The last stage alone. */
function cardOf(
  { count, stages, scored, refining, two, foreign, asked, questions }: Measured,
  threshold: number,
): string {
  const last = stages.at(-1);
  if (last === undefined) return "";
  const own = <T extends { stage: string }>(lines: readonly T[]): T[] =>
    lines.filter(({ stage }) => stage === last.key);
  const repaired = own(refining).filter((line) => line.threshold === threshold);
  const answers = own(asked)[0]?.scores;
  const right = (task: (typeof questionTasks)[number]) => answers?.[task].right.toFixed(2) ?? "-";
  return [
    `Captions of ${count} scenes that no training has seen:`,
    alignedTable(summaryTable([last], scored, judged)),
    "Captions refined:",
    alignedTable(
      refiningTable([
        ...repaired.map(({ scores }) => ({ title: "one planted error, or none", scores })),
        ...own(two).map(({ scores }) => ({ title: "two, or none", scores })),
        ...own(foreign).map(({ scores }) => ({ title: "one, beside words that it does not know", scores })),
      ]),
    ),
    `Of ${questions} short questions, right answers: ${questionTasks.map((task) => `${task} ${right(task)}`).join(", ")}.`,
  ].join("\n\n");
}
