/** A template filled in: the fixed text as it was, the blanks as they were written. */
import type { Model } from "../../models/llava/llava.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import type { Filling } from "../answers.js";
import { checkFill } from "../limits/option-sets.js";
import { askable } from "../model-facts.js";
import type { FillOptions } from "../request.js";
import { type FillRequest, resolveFill } from "../resolve.js";
import type { Template } from "../template/fill-template.js";
import { readForm } from "../template/template-form.js";
import { tokenTexts } from "../trace.js";
import type { AnswerReader } from "./answer-reader.js";

export function filling(tokenizer: Tokenizer, { form, unread, quantization }: FillRequest): AnswerReader<Filling> {
  const textOf = tokenTexts(tokenizer);
  return {
    given: form.fixed.map((position) => {
      const id = form.ids[position] as number;
      return { position, token: textOf(id, position), id };
    }),
    watch: () => false,
    read({ canvas, result }, seconds) {
      const tokenIds = [...canvas.answer()];
      const filled = readForm(tokenizer, form, tokenIds);
      const steps = result?.steps ?? 0;
      return { ...filled, promptUnread: [...unread], tokenIds, steps, seconds, ...(quantization && { quantization }) };
    },
  };
}

/** What filling in a template asks of a decoder: for those who decode it in a batch of their own.
 *  @param pictures of the prompt
 *  @throws UserError when the template, or the options with it, make no sense */
export function fillRequest(
  model: Pick<Model, "folder" | "config" | "tokenizer">,
  pictures: number,
  template: string | Template,
  options: FillOptions = {},
): FillRequest {
  checkFill(options);
  return resolveFill(askable(model), pictures, template, options);
}
