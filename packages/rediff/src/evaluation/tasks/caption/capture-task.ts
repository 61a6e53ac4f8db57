/** CAPTURE as a task: the scene graph of a caption beside those of its references. Parser and encoder are the user's. */
import { z } from "zod";
import { DEFAULT_QUESTION } from "../../../text/default-question.js";
import { type CaptureDocument, captureCaptions } from "../../capture/capture-captions.js";
import type { CaptureParts } from "../../capture/capture-parts.js";
import { defineTask, type Task } from "../../task.js";
import type { WordNet } from "../../wordnet/wordnet.js";

const document = z.looseObject({ image: z.string(), references: z.array(z.string()).min(1) });

export const captureTask = (parts: CaptureParts, wordNet: WordNet): Task =>
  defineTask<z.infer<typeof document>>({
    name: "capture",
    about: `CAPTURE: objects, attributes and relations of captions, by ${parts.name}`,
    document,
    settings: { steps: 128, genLength: 128 },
    metric: "capture",
    asWritten: true,
    prompt: () => DEFAULT_QUESTION,
    pictures: () => ["image"],
    async score({ image, references }, answer, { failed }) {
      const row: CaptureDocument = { image, caption: failed === true ? null : answer, references };
      const { capture, objects, attributes, relations } = await captureCaptions([row], parts, wordNet);
      const f1 = { capture, objects_f1: objects?.f1, attributes_f1: attributes?.f1, relations_f1: relations?.f1 };
      return {
        parsed: answer,
        target: references.join(" | "),
        scores: Object.fromEntries(Object.entries(f1).map(([metric, value]) => [metric, value ?? 0])),
        facets: {},
        marks: [],
      };
    },
  });
