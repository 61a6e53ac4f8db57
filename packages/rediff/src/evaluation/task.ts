/** What a benchmark is: which data, what is asked of the model, how an answer is read, and what the answers amount to.
 *
 *  Nothing here needs the model: answers that were written down can be scored again under another protocol. */
import type { z } from "zod";
import { UserError } from "../errors.js";
import { issueText } from "../options/issue-text.js";
import { stripPython } from "../text/python-strip.js";
import type { AskSuite } from "./captions/suite.js";
import type { ScoredAnswer } from "./scored-answer.js";
import { meanScores, type TaskScores } from "./task-scores.js";

/** Where the documents are. */
export interface DataSource {
  /** Its name on the hub. */
  dataset: string;
  config?: string;
  /** Several are scored apart. */
  splits: readonly string[];
  /** As the data set's card has it. */
  rows?: number;
}

/** How the published numbers were generated. The block is as long as the answer, the temperature 0. */
export interface GenerationSettings {
  /** Absent: one for each token of an answer as long as the model's own. */
  steps?: number;
  genLength?: number;
  /** What the question ends with: " /think", " /no_think" or nothing. */
  thinking?: "think" | "no_think";
  /** Beside the end of the turn. */
  stop?: readonly string[];
}

export interface ScoreContext {
  judge?: AskSuite | undefined;
  /** Of the document that is scored, as a data URL, for judges that see it. */
  picture?: (() => Promise<string>) | undefined;
  /** Nothing was answered: what is scored in its place is an empty answer. */
  failed?: boolean | undefined;
  /** Decides what is drawn for a judge: sides, orders. */
  seed?: number | undefined;
  /** A letter for an answer that cannot be read, where a protocol draws one; absent, such an answer is wrong.
   *  @param key what the letter is drawn for: it does not depend on what was drawn before */
  draw?: ((letters: readonly string[], key: string) => string) | undefined;
}

export interface Submission<Document> {
  /** "docvqa_test.json" */
  file: string;
  /** @returns the file's text, or its bytes */
  write(answers: readonly { document: Document; answer: string }[]): string | Promise<Uint8Array>;
}

export interface TaskDefinition<Document> {
  name: string;
  /** One sentence. */
  about: string;
  source?: DataSource;
  /** Columns that the task needs. */
  document: z.ZodType<Document>;
  settings: GenerationSettings;
  prompt(document: Document): string;
  /** Documents of one key have one score each, and hang together all the same: questions about one video. */
  cluster?(document: Document): string;
  /** For tasks that a server scores, from hidden truth: the file that it takes, of all answers. */
  submission?: Submission<Document>;
  /** Columns of the document's pictures (`image`, `image_list[0]`), or a video's file; empty where the columns are. */
  pictures(document: Document): readonly string[];
  score(document: Document, answer: string, context: ScoreContext): ScoredAnswer | Promise<ScoredAnswer>;
  /** Adds to the scores of answers what is found for all of them together: a large table is read once. */
  complete?(scored: readonly ScoredAnswer[]): Promise<ScoredAnswer[]>;
  /** Without one: means. */
  aggregate?(scored: readonly ScoredAnswer[], context: ScoreContext): TaskScores | Promise<TaskScores>;
  /** Documents of one key count together: a part of them would be an error, or a wrong score. */
  together?(document: Document): string;
  /** An answer as if it were of another document, where documents are drawn anew and some are drawn twice: what `together`
   *  tells them apart by is another one for each number. */
  copy?(answer: ScoredAnswer, number: number): ScoredAnswer;
  /** Its figures are no means: their errors are found by drawing documents anew, and adding up each time. */
  drawnErrors?: boolean;
  /** The metric that the task is known by. */
  metric: string;
  lowerIsBetter?: readonly string[];
  needsJudge?: boolean;
  /** The answer is taken as the model wrote it: LLaDA-V's evaluation drops one full stop at its end. */
  asWritten?: boolean;
  /** Blanks at the ends belong to the answer, since a filter looks at them. */
  unstripped?: boolean;
}

/** A task for documents as they come out of a file. */
export interface Task extends Omit<TaskDefinition<unknown>, "document" | "aggregate"> {
  score(document: unknown, answer: string, context?: ScoreContext): Promise<ScoredAnswer>;
  aggregate(scored: readonly ScoredAnswer[], context?: ScoreContext): Promise<TaskScores>;
  /** @throws UserError naming the column */
  check(document: unknown): void;
}

export function defineTask<Document>(definition: TaskDefinition<Document>): Task {
  const { document: schema, aggregate, together, cluster, submission, ...rest } = definition;
  // Prompt, pictures and score each get the document; its columns are looked at once.
  const read = new WeakMap<object, Document>();
  const parse = (document: unknown): Document => {
    const known = typeof document === "object" && document !== null ? read.get(document) : undefined;
    if (known !== undefined) return known;
    const parsed = schema.safeParse(document, { reportInput: true });
    if (!parsed.success) throw columnError(definition.name, parsed.error);
    if (typeof document === "object" && document !== null) read.set(document, parsed.data);
    return parsed.data;
  };
  return {
    ...rest,
    check: parse,
    prompt: (document) => definition.prompt(parse(document)),
    pictures: (document) => definition.pictures(parse(document)),
    score: async (document, answer, context = {}) =>
      definition.score(parse(document), definition.unstripped ? answer : stripPython(answer), context),
    aggregate: async (scored, context = {}) =>
      aggregate === undefined ? meanScores(scored) : aggregate(scored, context),
    ...(together === undefined ? {} : { together: (document: unknown) => together(parse(document)) }),
    ...(cluster === undefined ? {} : { cluster: (document: unknown) => cluster(parse(document)) }),
    ...(submission === undefined
      ? {}
      : {
          submission: {
            file: submission.file,
            write: (answers: readonly { document: unknown; answer: string }[]) =>
              submission.write(answers.map(({ document, answer }) => ({ document: parse(document), answer }))),
          },
        }),
  };
}

function columnError(task: string, error: z.ZodError): UserError {
  const [issue] = error.issues;
  if (issue === undefined) return new UserError(`${task}: a document that is none`);
  const column = issue.path.map(String).join(".");
  return new UserError(
    `${task}: ${column === "" ? "a document" : `column ${column}`}: ${issueText(issue)}`,
    "Give the data set that the task names, or one with the same columns.",
  );
}
