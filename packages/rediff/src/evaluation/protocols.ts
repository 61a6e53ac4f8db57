/** Ways of asking and scoring that go by one task's name. Scores of two of them are two different numbers. */

export type Protocol = "rediff" | "llada-v" | "lmms-eval" | "official";
export const protocols = ["rediff", "llada-v", "lmms-eval", "official"] as const satisfies readonly Protocol[];

export const aboutProtocols: Readonly<Record<Protocol, string>> = {
  rediff: "this project's: the published one without its defects; an answer that cannot be read is wrong",
  "llada-v": "LLaDA-V's published one, with what it does to answers that it cannot read: a random letter",
  "lmms-eval": "today's lmms-eval, where it asks or scores otherwise under the same name",
  official: "the benchmark's own script",
};
