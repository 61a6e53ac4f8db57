/** A task of one's own, from a YAML file: which columns, what is asked, and what the answer is compared with. */
import { z } from "zod";
import { UserError } from "../errors.js";
import { issueText, withoutUnions } from "../options/issue-text.js";
import { parseYaml } from "../options/yaml-text.js";
import { anls } from "./metrics/anls.js";
import { isExactMatch } from "./metrics/exact-match.js";
import { isRelaxedMatch } from "./metrics/relaxed-accuracy.js";
import { finalAnswer } from "./parsing/final-answer.js";
import { letteredLines, letterOf, lettersFor } from "./parsing/lettered-options.js";
import { optionLetter } from "./parsing/option-letter.js";
import { yesNoStart } from "./parsing/yes-no.js";
import { parsePythonList } from "./python/python-list.js";
import type { ScoredAnswer } from "./scored-answer.js";
import { defineTask, type Task } from "./task.js";

/** How an answer is compared. */
export const userMetrics = ["exact_match", "contains", "relaxed", "anls", "option", "yes_no"] as const;
type UserMetric = (typeof userMetrics)[number];

const name = z.string().regex(/^[\w.-]+$/, "expected a name of letters, digits, _, . and -");

const taskSchema = z
  .strictObject({
    task: name,
    about: z.string().default(""),
    dataset: z.string().optional(),
    config: z.string().optional(),
    split: z.string().default("test"),
    /** {column} stands for what the document has, {options} for its options under letters. */
    prompt: z.string().min(1),
    images: z.array(z.string()).default([]),
    target: z.string(),
    options: z.string().optional(),
    metric: z.enum(userMetrics),
    /** Only what stands behind the last "Answer:" is compared. */
    final_answer: z.boolean().default(false),
    ignore_case: z.boolean().default(true),
    ignore_punctuation: z.boolean().default(false),
    subscores: z.array(z.string()).default([]),
    settings: z
      .strictObject({
        steps: z.int().min(1),
        gen_length: z.int().min(1),
        thinking: z.enum(["think", "no_think"]).optional(),
        stop: z.array(z.string()).optional(),
      })
      .default({ steps: 32, gen_length: 32 }),
  })
  .refine(
    ({ metric, options }) => metric !== "option" || options !== undefined,
    "metric option needs options, the column with the list of them",
  );
type UserTask = z.infer<typeof taskSchema>;
type Row = Record<string, unknown>;

/** @param file how messages call the text
 *  @throws UserError with the file's line */
export function parseUserTask(text: string, file: string): Task {
  const { value, document, lines } = parseYaml(text, file);
  const parsed = taskSchema.safeParse(value, { reportInput: true });
  if (parsed.success) return userTask(parsed.data);
  const [issue] = parsed.error.issues.flatMap(withoutUnions);
  if (issue === undefined) throw new UserError(`${file}: no task`);
  const path = issue.path.map(String);
  const node = path.length > 0 ? document.getIn(path, true) : undefined;
  const range = node !== null && typeof node === "object" && "range" in node ? (node.range as [number] | null) : null;
  const line = range ? `:${lines.linePos(range[0]).line}` : "";
  throw new UserError(
    `${file}${line}: ${path.length > 0 ? `${path.join(".")}: ` : ""}${issueText(issue)}`,
    "docs/evaluation.md has an example of a task.",
  );
}

function userTask(task: UserTask): Task {
  const { gen_length: genLength, steps, thinking, stop } = task.settings;
  const columns = [task.target, ...(task.options === undefined ? [] : [task.options]), ...columnsIn(task.prompt)];
  return defineTask<Row>({
    name: task.task,
    about: task.about,
    ...(task.dataset === undefined ? {} : { source: sourceOf(task, task.dataset) }),
    document: documentSchema(new Set(columns)),
    settings: {
      steps,
      genLength,
      ...(thinking === undefined ? {} : { thinking }),
      ...(stop === undefined ? {} : { stop }),
    },
    metric: task.metric,
    prompt: (row) => task.prompt.replace(placeholder, (_, column: string) => shown(row, column, task)),
    pictures: () => task.images,
    score: (row, answer) => scoreRow(task, row, answer),
  });
}

const sourceOf = ({ config, split }: UserTask, dataset: string) => ({
  dataset,
  splits: [split],
  ...(config === undefined ? {} : { config }),
});

const placeholder = /\{(\w+)\}/g;
const columnsIn = (prompt: string): string[] =>
  [...prompt.matchAll(placeholder)].map(([, column = ""]) => column).filter((column) => column !== "options");

const cell = z.union([z.string(), z.number(), z.boolean(), z.array(z.union([z.string(), z.number()]))]);

/** The columns that the task speaks of are there and are no pictures. */
const documentSchema = (columns: ReadonlySet<string>): z.ZodType<Row> =>
  z.looseObject(Object.fromEntries([...columns].map((column) => [column, cell])));

function shown(row: Row, column: string, task: UserTask): string {
  if (column === "options" && task.options !== undefined) return letteredLines(optionsOf(row, task.options));
  const value = row[column];
  return Array.isArray(value) ? value.join(", ") : String(value);
}

/** A list, or a text that Python wrote one into. */
function optionsOf(row: Row, column: string): string[] {
  const value = row[column];
  return Array.isArray(value) ? value.map(String) : parsePythonList(String(value));
}

function scoreRow(task: UserTask, row: Row, answer: string): ScoredAnswer {
  const targets = [row[task.target]].flat().map(String);
  const read = task.final_answer ? finalAnswer(answer) : answer;
  const { parsed, score } = read ? compare(task, row, read, targets) : { parsed: null, score: 0 };
  return {
    parsed,
    target: targets.join(" | "),
    scores: { [task.metric]: score },
    facets: Object.fromEntries(task.subscores.map((column) => [column, String(row[column] ?? "")])),
    marks: parsed === null ? ["unreadable"] : [],
  };
}

type Compared = { parsed: string | null; score: number };

/** The best of several targets. */
function compare(task: UserTask, row: Row, answer: string, targets: readonly string[]): Compared {
  const some = (isRight: (target: string) => boolean): Compared => ({
    parsed: answer,
    score: Number(targets.some(isRight)),
  });
  const plain = (text: string): string => (task.ignore_case ? text.toLowerCase() : text);
  const comparisons: Record<UserMetric, () => Compared> = {
    exact_match: () =>
      some((target) =>
        isExactMatch(answer, target, { ignoreCase: task.ignore_case, ignorePunctuation: task.ignore_punctuation }),
      ),
    contains: () => some((target) => plain(answer).includes(plain(target))),
    relaxed: () => some((target) => isRelaxedMatch(answer, target)),
    anls: () => ({ parsed: answer, score: anls(answer, targets) }),
    yes_no: () => {
      const parsed = yesNoStart(answer) ?? null;
      return { parsed, score: Number(targets.some((target) => target.toLowerCase() === parsed)) };
    },
    option: () => {
      const options = optionsOf(row, task.options ?? "");
      const letter = optionLetter(answer, lettersFor(options));
      return { parsed: letter || null, score: Number(targets.some((target) => letter === letterFor(target, options))) };
    },
  };
  return comparisons[task.metric]();
}

/** A target may be a letter, an option's text, or its place from 0 on. */
function letterFor(target: string, options: readonly string[]): string | undefined {
  if (lettersFor(options).includes(target)) return target;
  const byText = options.indexOf(target);
  if (byText >= 0) return letterOf(byText);
  return /^\d+$/.test(target) && Number(target) < options.length ? letterOf(Number(target)) : undefined;
}
