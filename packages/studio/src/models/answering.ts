/** Which model answers, and how each is said to be. Pure. */
import type { State } from "../app/app-state.js";
import type { Model } from "../server/messages.js";

type Choice = Pick<State, "models" | "wanted">;

/** The chosen one; without a choice, or where it is not served (`missing`), the first. */
export function answering({ models, wanted }: Choice): Model | undefined {
  return models.find(({ id }) => id === wanted) ?? models[0];
}

/** Id of the chosen model where the server does not have it. */
export function missing({ models, wanted }: Choice): string | undefined {
  const isThere = models.length === 0 || models.some(({ id }) => id === wanted);
  return isThere ? undefined : wanted;
}

/** What a link says: which model, where others could be meant. */
export function linkedModel(state: Choice): string | undefined {
  return state.models.length > 1 ? (state.wanted ?? state.models[0]?.id) : state.wanted;
}

/** Whether it can be asked now. */
export function stateText({ rediff }: Model): string {
  const { status, problem, loading_seconds: seconds } = rediff;
  switch (status) {
    case "loading":
      return seconds == null ? "being loaded" : `being loaded for ${Math.round(seconds)} s`;
    case "restarting":
      return problem == null ? "being started again" : `failed: ${problem}`;
    case "draining":
      return "shutting down";
    case "idle":
      return problem == null ? "loaded when asked" : `failed: ${problem}`;
    default: // also of a server that does not say
      return "loaded";
  }
}

/** What it is: "int4 weights, trained to revise". */
export function kindText({ id, rediff }: Model): string {
  const { quantize, dtype, title, revises } = rediff;
  const format = quantize == null ? dtype : `${quantize} weights`;
  return [
    ...(title === id ? [] : [id]),
    ...(format == null ? [] : [format]),
    revises ? "trained to revise" : "not trained to revise",
  ].join(", ");
}

/** Ids of the models that were asked and have not begun to answer. */
export function waitedFor(state: Pick<State, "models" | "wanted" | "describe" | "proofread" | "fill" | "chat">) {
  const { describe, proofread, fill, chat } = state;
  const last = chat.messages.at(-1);
  const others =
    (proofread.busy && proofread.live === undefined) ||
    (fill.busy && fill.live === undefined) ||
    (chat.busy && last?.text === "" && last.trace === undefined);
  const { comparison } = describe;
  const sides = Object.entries(comparison?.runs ?? {}).flatMap(([kind, { status, trace }]) =>
    status === "running" && trace === undefined ? [comparison?.sides[kind as keyof typeof comparison.sides].model] : [],
  );
  const own = others ? [answering(state)?.id] : [];
  return new Set([...sides, ...own].filter((id) => id !== undefined));
}
