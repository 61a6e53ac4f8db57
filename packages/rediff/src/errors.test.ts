import { expect, test } from "vitest";
import { asFlag, codedAs, inSnakeCase, OptionError, option, UserError, wording } from "./errors.js";
import { packError, unpackError } from "./threads/portable-error.js";

const error = new OptionError(
  "blockLength",
  wording`${option("genLength")} ${10} is not a multiple of ${option("blockLength")} ${4}`,
  wording`Choose a ${option("blockLength")} that divides ${10}`,
);

test("each border spells an option as its callers do", () => {
  expect(error.line).toBe("genLength 10 is not a multiple of blockLength 4. Choose a blockLength that divides 10");
  expect(error.spelled(asFlag)).toBe(
    "--gen-length 10 is not a multiple of --block-length 4. Choose a --block-length that divides 10",
  );
  expect(error.spelled(inSnakeCase)).toBe(
    "gen_length 10 is not a multiple of block_length 4. Choose a block_length that divides 10",
  );
  expect(error.spelled((name) => (name === "genLength" ? "max_tokens" : name))).toMatch(/^max_tokens 10 is not/);
  expect(asFlag("memoryCheck")).toBe("--no-memory-check");
});

test("what a caller wrote is no option, whatever it looks like", () => {
  const said = new OptionError("draft", wording`the draft is ${"genLength {option}"}`);
  expect(said.spelled(asFlag)).toBe("the draft is genLength {option}");
});

test("each has a code, its own or of the work that it ended", async () => {
  expect(new UserError("a").code).toBe("invalid_input");
  expect(error.code).toBe("invalid_value");
  expect(new OptionError("prompt", "too long", undefined, { problem: "context_length" }).code).toBe(
    "context_length_exceeded",
  );
  const fails = (thrown: unknown) => () => Promise.reject(thrown);
  const reading = (thrown: unknown) => codedAs("unreadable_picture", fails(thrown));
  await expect(reading(new UserError("no picture"))).rejects.toMatchObject({ code: "unreadable_picture" });
  await expect(reading(new UserError("gone", undefined, { code: "file_not_found" }))).rejects.toMatchObject({
    code: "file_not_found",
  });
  await expect(reading(new TypeError("a bug"))).rejects.not.toHaveProperty("code");
  await expect(reading(unpackError(packError(new UserError("far"))))).rejects.toMatchObject({
    code: "unreadable_picture",
  });
});

test("between processes nothing of it is lost", () => {
  const long = new OptionError("prompt", "too long", undefined, { problem: "context_length" });
  for (const one of [error, long]) {
    const back = unpackError(structuredClone(packError(one)));
    expect(back).toBeInstanceOf(OptionError);
    expect(back).toMatchObject({ option: one.option, problem: one.problem, line: one.line, name: "UserError" });
    expect((back as OptionError).spelled(asFlag)).toBe(one.spelled(asFlag));
  }
  const plain = unpackError(structuredClone(packError(new UserError("a", "b"))));
  expect(plain).not.toBeInstanceOf(OptionError);
  expect(plain).toMatchObject({ line: "a. b", code: "invalid_input" });
  const gone = new UserError("gone", undefined, { code: "file_not_found" });
  expect(unpackError(structuredClone(packError(gone)))).toMatchObject({ code: "file_not_found" });
});

test("a message repeats what came, but not megabytes of it", () => {
  const long = new UserError(`"${"x".repeat(1e6)}" is no revision`, "y".repeat(1e6));
  expect(long.line.length).toBeLessThan(7000);
  expect(long.message).toMatch(/^"x+ \.\.\. x+" is no revision$/);
  expect(long.spelled(asFlag)).toBe(long.line);
});
