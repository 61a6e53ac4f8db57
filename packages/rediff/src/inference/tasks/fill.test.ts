import fc from "fast-check";
import { describe, expect } from "vitest";
import { Decoder } from "../../diffusion/decoder.js";
import { UserError } from "../../errors.js";
import { promptEmbeddings } from "../../models/llava/assembly.js";
import { test } from "../../testing/fixtures.js";
import { folderOfFile } from "../../testing/folders.js";
import { expectNoLeaks } from "../../testing/leaks.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";
import type { FillOptions } from "../request.js";
import { readForm } from "../template/template-form.js";
import { fillRequest } from "./fill.js";

const { at } = folderOfFile();
const photo = fixturePath("color.jpg");

const complaint = async (work: Promise<unknown>): Promise<string> => {
  const error = await work.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).line;
};

test("the text is the template's but for the blanks, and the model fills them by what is around", async ({ model }) => {
  const one = await model.fill(photo, "A [[2]] is on the [[3]].");
  expect(one.text).toMatch(/^A .+ is on the .+\.$/s);
  expect(one).toMatchObject({ steps: 5, blanks: { length: 2 } });
  expect(one.text).toBe(model.model.tokenizer.decode(one.tokenIds));
  const again = await model.fill(photo, "A [[2]] is on the [[3]].");
  expect(again.text).toBe(one.text);
  const other = await model.fill(photo, "B [[2]] was in a [[3]]?");
  expect(other.blanks.map(({ text }) => text)).not.toEqual(one.blanks.map(({ text }) => text));
});

test("whatever the template and the options: fixed tokens stay, blanks hold no special token", async ({ model }) => {
  const { tokenizer } = model.model;
  const special = new Set(Object.values(tokenizer.special));
  const part = fc.oneof(
    fc.constantFrom("A ", " is", " the ", ".", "\n", "caf\u00e9", " "),
    fc.integer({ min: 1, max: 4 }).map((n) => `[[${n}]]`),
  );
  const template = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => `${parts.join("")}[[1]]`);
  const how = fc.oneof(
    fc.record({ revise: fc.boolean(), temperature: fc.constantFrom(0, 3), tokensPerStep: fc.constantFrom(1, 2, 9) }),
    fc.record({ revise: fc.boolean(), threshold: fc.constantFrom(0, 0.1, 1) }),
    fc.constant<FillOptions>({ cfgScale: 2, revise: true, reviseTopk: 0.5, reviseStart: 0.5 }),
  );
  await fc.assert(
    fc.asyncProperty(template, how, async (source, options) => {
      const { form } = fillRequest(model.model, 0, source, options);
      const seen: Int32Array[] = [];
      const watching = model.watchFill([], source, options);
      let turn = await watching.next();
      for (; !turn.done; turn = await watching.next()) seen.push(turn.value.tokens);
      const { text, blanks, tokenIds } = turn.value;
      for (const tokens of [...seen, tokenIds])
        for (const position of form.fixed) expect(tokens[position]).toBe(form.ids[position]);
      expect(tokenIds.filter((id) => special.has(id))).toEqual([]);
      let rest = text;
      for (const { start, end } of blanks.toReversed()) rest = `${rest.slice(0, start)}\0${rest.slice(end)}`;
      expect(rest).toBe(source.replace(/\[\[\d\]\]/g, "\0"));
    }),
    { numRuns: 60 },
  );
});

test("where all tokens but one are banned, it is that one", ({ model }) => {
  const { tokenizer } = model.model;
  const request = fillRequest(model.model, 0, "A[[3]].");
  const only = tokenizer.encode(" the")[0] as number;
  const ids = Array.from({ length: tokenizer.length }, (_, id) => id).filter((id) => id !== only);
  using prompt = promptEmbeddings(model.model, request.ids, []);
  using decoder = new Decoder(model.model);
  using decoding = decoder.add(prompt, { ...request.decode, banned: [{ ids }] });
  while (decoding.result === undefined) decoder.step();
  expect(readForm(tokenizer, request.form, decoding.canvas.answer()).text).toBe("A the the the.");
});

test("in a batch with others it is the same", async ({ model }) => {
  const templates = ["A [[2]] is on the [[3]].", "[[4]]", "It is[[1]]."];
  const alone = [];
  for (const template of templates) alone.push((await model.fill([], template)).text);
  using decoder = new Decoder(model.model);
  const requests = templates.map((template) => fillRequest(model.model, 0, template));
  const decodings = requests.map(({ ids, decode }) => {
    using prompt = promptEmbeddings(model.model, ids, [], (decode.genLength ?? 0) + 1);
    return decoder.add(prompt, decode);
  });
  while (decoder.active > 0) decoder.step();
  const texts = requests.map(
    ({ form }, i) => readForm(model.model.tokenizer, form, decodings[i]!.canvas.answer()).text,
  );
  for (const decoding of decodings) decoding[Symbol.dispose]();
  expect(texts).toEqual(alone);
});

test("nothing stays in memory, however it ends", async ({ model }) => {
  await model.fill(photo, "A [[2]]."); // tables that are kept
  expectNoLeaks();
  await model.fill([photo, fixturePath("rgba.png")], "A [[2]].", { revise: true, cfgScale: 1 });
  for await (const { step } of model.watchFill(photo, "A [[4]].")) if (step === 1) break;
  await complaint(model.fill(photo, "[[5000]]"));
});

describe("mistakes", () => {
  test("are told before a picture is read", async ({ model }) => {
    const none = at("none.jpg");
    expect(await complaint(model.fill(none, "no blank"))).toMatch(/the template has no blank/);
    expect(await complaint(model.fill(none, "[[1]]", { steps: 2, threshold: 0.5 }))).toMatch(/exclude each other/);
    expect(await complaint(model.fill(none, "[[1]]"))).toMatch(/none\.jpg: no such file/);
  });
});
