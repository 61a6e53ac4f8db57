/** A record whose question and answer are two of its keys: `{instruction, input, output}`, `{question, answer}`,
 *  `{prompt, response}` and the like. Read where that can mean one thing only. */
import type { Turn } from "../../text/labels.js";
import { SampleError } from "../samples/sample-error.js";

type JsonObject = Readonly<Record<string, unknown>>;

const QUESTIONS = ["instruction", "question", "prompt", "query", "input"];
const ANSWERS = ["output", "answer", "response", "completion"];
/** What may belong to the question, or be another answer: nobody can know how it is meant. */
const BESIDE =
  /^(?:history|context|passage|choices|options|candidates|hint|chosen|rejected|rationale|explanation|solution|(?:questions|answers|instructions|outputs|responses|prompts|completions))$/;

export interface QuestionAnswer {
  turns: Turn[];
  /** The keys that were read: "instruction, input and output". */
  keys: string;
}

const isSaid = (value: unknown): boolean => {
  if (value === undefined || value === null || value === "") return false;
  return !Array.isArray(value) || value.length > 0;
};

/** Whether some key seems to be a question and some an answer. */
export const seemsQuestionAnswer = (record: JsonObject): boolean =>
  QUESTIONS.some((key) => key in record) && ANSWERS.some((key) => key in record);

/** Undefined where no key seems to be a question or none an answer.
 *  @throws SampleError where they can be understood in more than one way, or are no texts */
export function questionAnswerOf(record: JsonObject): QuestionAnswer | undefined {
  if (!seemsQuestionAnswer(record)) return undefined;
  const [questions, answers] = [QUESTIONS, ANSWERS].map((keys) => keys.filter((key) => key in record)) as [
    string[],
    string[],
  ];
  const fail = (what: string): never => {
    throw new SampleError("form", what, "Write conversations: [{from: human, value}, {from: gpt, value}]");
  };
  // Behind an instruction the input is what it is about; of anything else it would be a second question.
  const said = questions.filter((key) => isSaid(record[key]));
  const isInstruction = said.join() === "instruction,input";
  if (said.length > 1 && !isInstruction) fail(`has ${said.join(" and ")}, either of which may be the question`);
  if (answers.length > 1) fail(`has ${answers.join(" and ")}, either of which may be the answer`);
  const beside = Object.keys(record).find((key) => BESIDE.test(key) && isSaid(record[key]));
  const keys = [...(said.length > 0 ? said : questions.slice(0, 1)), ...answers];
  const named = `${keys.slice(0, -1).join(", ")} and ${keys.at(-1)}`;
  if (beside !== undefined) fail(`has ${beside} beside ${named}, and how they belong together is not said`);
  const texts = keys.map((key) => {
    const value = record[key] ?? "";
    return typeof value === "string"
      ? value
      : fail(`${key}: expected a text, got ${JSON.stringify(value).slice(0, 40)}`);
  });
  return {
    turns: [
      { role: "user", content: texts.slice(0, -1).join("\n") },
      { role: "assistant", content: texts.at(-1) ?? "" },
    ],
    keys: named,
  };
}
