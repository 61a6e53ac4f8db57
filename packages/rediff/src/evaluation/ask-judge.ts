/** What a task asks of a judge, another model, where rules cannot read an answer. */
import type { SuiteQuestion } from "./captions/suite.js";

/** A question in one message, asked without chance.
 *  @param attempt 0 for the first time */
export const judgeQuestion = (purpose: string, text: string, maxTokens: number, attempt: number): SuiteQuestion => ({
  purpose,
  messages: [{ role: "user", content: text }],
  maxTokens,
  temperature: 0,
  attempt,
});
