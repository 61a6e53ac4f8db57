/** What the kinds of answers have to say to the batcher. */
import type { Decoding, Loop } from "../../diffusion/decoder.js";
import type { GivenToken } from "../trace-format.js";

/** How an answer of one kind is read off its decoding. */
export interface AnswerReader<A> {
  /** How the answer is worked on, where it is not denoised. */
  loop?: Loop;
  given?: GivenToken[];
  /** Called after each forward pass. @returns whether the answer is over before its length */
  watch(decoding: Decoding): boolean;
  /** @param seconds from the pictures' encoding on */
  read(decoding: Decoding, seconds: number): A;
}
