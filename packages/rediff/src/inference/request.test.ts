import { expect, test } from "vitest";
import { tokenizerFolder } from "../testing/fixtures.js";
import { loadTokenizer } from "../text/tokenizer.js";
import { decoding, promptIds } from "./request.js";

const tokenizer = await loadTokenizer(tokenizerFolder);
const config = { defaults: { genLength: 24, imageJoin: "correct" as const } };

test("what a model's config says holds where nothing is asked for", () => {
  expect(decoding({ tokenizer }, {})).toMatchObject({ genLength: 128, steps: 128 });
  expect(decoding({ tokenizer, config }, {})).toMatchObject({ genLength: 24, blockLength: 24, steps: 24 });
  expect(decoding({ tokenizer, config }, { tokensPerStep: 4 })).toMatchObject({ genLength: 24, steps: 6 });
  expect(decoding({ tokenizer, config }, { genLength: 8 })).toMatchObject({ genLength: 8, steps: 8 });
  const [legacy, correct] = [promptIds({ tokenizer }, 1, {}), promptIds({ tokenizer, config }, 1, {})];
  expect(correct).toHaveLength(legacy.length + 1);
  expect(promptIds({ tokenizer, config }, 1, { imageJoin: "legacy" })).toEqual(legacy);
});
