import fc from "fast-check";
import { expect, test } from "vitest";
import { checkModelId, checkRevision, fileFilter, isModelId, isSafeFileName } from "./hub-names.js";

test.each(["gpt2", "org/name", "GSAI-ML/LLaDA-V", "a/b", "Foo-BAR_foo.bar123", "_x/y_"])("%s is a model id", (id) => {
  expect(checkModelId(id)).toBe(id);
});

test.each([
  "",
  "/",
  "a/",
  "/a",
  "a/b/c",
  "a b",
  "-a/b",
  "a/b.",
  "a--b",
  "a..b",
  "a.git",
  "../x",
  "a/..",
  "a\nb",
  "caf\u00e9",
])("%j is not a model id", (id) => {
  expect(isModelId(id)).toBe(false);
  expect(() => checkModelId(id)).toThrow(/is not a model id/);
});

test("an address of the hub is answered with the id in it", () => {
  const hint = expect.objectContaining({ hint: "Did you mean org/name?" });
  expect(() => checkModelId("https://huggingface.co/org/name/tree/main")).toThrow(hint);
});

test.each(["main", "v1.0", "refs/pr/12", "feature/x", "0123456789abcdef0123456789abcdef01234567"])(
  "revision %s",
  (r) => {
    expect(checkRevision(r)).toBe(r);
  },
);

test.each(["", "/", "/etc", "a/../b", "..", ".hidden", "a/.b", "a b", "a\\b", "a\0b", "a:b", "x.lock", "a//b"])(
  "%j is not a revision",
  (r) => {
    expect(() => checkRevision(r)).toThrow(/is not a revision/);
  },
);

test("no name that passes leaves its folder", () => {
  const part = fc.oneof(fc.constantFrom("..", ".", "", "a", "C:", "\\", "\0", "b.json"), fc.string({ maxLength: 4 }));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
      const path = parts.join("/");
      if (!isSafeFileName(path)) return;
      expect(path.startsWith("/")).toBe(false);
      expect(path.split("/")).not.toContain("..");
      expect(path).not.toMatch(/[\\:\0]/);
    }),
  );
  expect(isSafeFileName("folder/model-00001-of-00002.safetensors")).toBe(true);
});

test("by default: what a model folder needs, no pickles, no code", () => {
  const isWanted = fileFilter(undefined);
  const names = ["config.json", "m.safetensors", "m.safetensors.index.json", "t.model", "merges.txt", "chat.jinja"];
  expect([...names, "LICENSE", "README.md", "extra/config.json"].every(isWanted)).toBe(true);
  expect(["a.bin", "a.py", "a.pt", ".gitattributes", "a.onnx"].some(isWanted)).toBe(false);
});

test("patterns mean what huggingface_hub's mean", () => {
  expect(fileFilter(["*.json"])("a/b/c.json")).toBe(true);
  expect(fileFilter(["onnx/"])("onnx/a/b.bin")).toBe(true);
  expect(fileFilter(["m-?.bin"])("m-1.bin")).toBe(true);
  expect(fileFilter(["m-[0-3].bin"])("m-4.bin")).toBe(false);
  expect(fileFilter(["m-[!0-3].bin"])("m-4.bin")).toBe(true);
  expect(fileFilter(["a.json"])("aXjson")).toBe(false);
  expect(fileFilter(["*"], ["*.py"])("a.py")).toBe(false);
});

test("a pattern without wildcards matches itself alone", () => {
  const plain = fc.stringMatching(/^[\w.+(){}|^$-]{1,12}$/);
  fc.assert(
    fc.property(plain, plain, (a, b) => {
      expect(fileFilter([a])(a)).toBe(true);
      expect(fileFilter([a])(b)).toBe(a === b);
    }),
  );
});

test("stars of a pattern stand for any letters, as one expression would have it", () => {
  const pattern = fc.string({ unit: fc.constantFrom("*", "?", "a", "b", "."), maxLength: 8 });
  const path = fc.string({ unit: fc.constantFrom("a", "b", ".", "/"), maxLength: 8 });
  fc.assert(
    fc.property(pattern, path, (glob, name) => {
      const source = glob.replaceAll(".", "\\.").replaceAll("?", ".").replaceAll("*", ".*");
      expect(fileFilter([glob])(name)).toBe(new RegExp(`^${source}$`, "s").test(name));
    }),
    { numRuns: 500 },
  );
});

test("a pattern of nothing but stars is read in no time, and one longer than a name is none", () => {
  const name = "a".repeat(1000);
  expect(fileFilter(["*a".repeat(400)])(name)).toBe(true);
  expect(fileFilter([`${"*a".repeat(400)}*b`])(name)).toBe(false);
  expect(() => fileFilter(["*".repeat(1025)])).toThrow(/is not a pattern/);
});
