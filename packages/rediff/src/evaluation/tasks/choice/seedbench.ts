/** SEED-Bench: twelve abilities, of pictures and of short videos. */
import { z } from "zod";
import { ASK_FOR_LETTER, letteredLines } from "../../parsing/lettered-options.js";
import { defineTask } from "../../task.js";

const document = z.looseObject({
  question: z.string(),
  choice_a: z.string(),
  choice_b: z.string(),
  choice_c: z.string(),
  choice_d: z.string(),
  answer: z.string(),
  data_type: z.string(),
  question_id: z.string(),
  image: z.array(z.unknown()),
});

export const seedbench = defineTask<z.infer<typeof document>>({
  name: "seedbench",
  about: "SEED-Bench: pictures and videos; which of the three scores a paper gives is for it to say",
  source: { dataset: "lmms-lab/SEED-Bench", splits: ["test"], rows: 17990 },
  document,
  settings: { steps: 2, genLength: 2, thinking: "no_think" },
  metric: "seed_image",
  prompt: ({ question, choice_a, choice_b, choice_c, choice_d }) =>
    `${question}\n${letteredLines([choice_a, choice_b, choice_c, choice_d])}\n${ASK_FOR_LETTER}`,
  pictures: ({ image }) => image.map((_, i) => `image[${i}]`),
  score({ answer: target, data_type }, answer) {
    const [first] = answer;
    const score = Number(first?.toLowerCase() === target.toLowerCase());
    return {
      parsed: first ?? null,
      target,
      scores: { [data_type === "image" ? "seed_image" : "seed_video"]: score, seed_all: score },
      facets: {},
      marks: first === undefined ? ["unreadable"] : [],
    };
  },
});
