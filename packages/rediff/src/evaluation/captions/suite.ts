/** What the caption suites share: a question to the judge, and how the results of many pictures are told.
 *
 *  A suite is rules around a judge's replies: it says what is asked, reads what comes, and adds up. Who answers is given
 *  to it, so that recorded replies score as live ones do. */
import type { ChatMessage } from "../../pipeline/expert/expert-client.js";

export interface SuiteQuestion {
  /** For the log of calls: "clair". */
  purpose: string;
  messages: readonly ChatMessage[];
  maxTokens: number;
  temperature: number;
  topP?: number;
  /** 0 for the first time; a reply that cannot be used is asked for anew under the next number. */
  attempt: number;
  /** Questions that follow for certain once this one has its reply, for counting ahead. */
  followedBy?: number;
}

/** @returns the reply, empty where the judge refused to speak of the content; undefined where none came after all tries */
export type AskSuite = (question: SuiteQuestion) => Promise<string | undefined>;

/** Why a picture has no score. */
export type Trouble =
  /** No caption for it. */
  | "no_caption"
  /** The suite's own rules leave it out. */
  | "skipped"
  /** No reply came, after all tries. */
  | "judge_failed"
  /** Replies came, and none could be read. */
  | "unreadable";

/** Pictures by what kept them from a score. */
export type Troubles = Partial<Record<Trouble, readonly string[]>>;

export function troublesOf(samples: readonly { image: string; trouble: Trouble | null }[]): Troubles {
  const troubles: Partial<Record<Trouble, string[]>> = {};
  for (const { image, trouble } of samples) {
    if (trouble === null) continue;
    troubles[trouble] ??= [];
    troubles[trouble].push(image);
  }
  return troubles;
}

/** Not asked of anybody, or asked in vain: the suite's score says nothing of it, and a score that counts it as wrong does. */
export const isLost = (trouble: Trouble | null): boolean => trouble === "judge_failed" || trouble === "unreadable";

export const dataPicture = (url: string, detail?: "high") =>
  ({ type: "image_url", image_url: { url, ...(detail !== undefined && { detail }) } }) as const;
