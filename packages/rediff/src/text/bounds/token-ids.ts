/** Ids that a tokenizer's files give to tokens, and what there is room for. Ids that nobody uses, between others or behind
 *  the last, are no fault: embeddings are padded. */
import { UserError } from "../../errors.js";

/** Tables as long as the largest id are made, and walked through: the largest published vocabulary has 262,144. */
export const MOST_TOKENS = 2 ** 24;

interface TokenId {
  token: string;
  id: number;
}

/** @throws UserError naming a token whose id is none */
export function assertVocabulary(
  file: string,
  vocabulary: Readonly<Record<string, unknown>>,
  added: readonly { content: string; id: number }[],
): void {
  for (const [token, id] of Object.entries(vocabulary)) assertId(file, "model.vocab", token, id);
  for (const { content, id } of added) assertId(file, "added_tokens", content, id);
}

function assertId(file: string, where: string, token: string, id: unknown): void {
  if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id < MOST_TOKENS) return;
  const shown = typeof id === "number" ? String(id) : typeof id;
  throw new UserError(
    `${file}: ${where}: the token ${quoted(token)} has the id ${shown}; expected a whole number from 0 to ${MOST_TOKENS - 1}`,
    "Use a LLaDA, LLaDA-V or ReDiff model folder with its own tokenizer files",
  );
}

/** The token with the largest id. */
export function largestId(
  vocabulary: Readonly<Record<string, number>>,
  added: readonly { content: string; id: number }[],
): TokenId {
  let largest: TokenId = { token: "", id: -1 };
  for (const [token, id] of Object.entries(vocabulary)) if (id > largest.id) largest = { token, id };
  for (const { content, id } of added) if (id > largest.id) largest = { token: content, id };
  return largest;
}

/** @param rows of the model's embedding
 *  @throws UserError naming a token for which there is no row */
export function assertRows(
  { folder, length, largest }: { folder: string; length: number; largest: TokenId },
  rows: number,
): void {
  const problem = rowProblem({ length, largest }, rows);
  if (problem !== undefined)
    throw new UserError(`${folder}: ${problem}`, "Tokenizer and weights belong to different models.");
}

/** In words; undefined where there is none. */
export function rowProblem(
  { length, largest }: { length: number; largest: TokenId },
  rows: number,
): string | undefined {
  if (length > rows) return `the tokenizer has ${length} tokens but the model only ${rows} rows`;
  if (largest.id < rows) return undefined;
  return `the token ${quoted(largest.token)} has the id ${largest.id}, and the model's embedding has only ${rows} rows`;
}

const quoted = (token: string): string => JSON.stringify(token.length > 60 ? `${token.slice(0, 57)}...` : token);
