import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { defaultSettings } from "../describe/settings.js";
import { Problem } from "../server/problem.js";
import { type Linked, linkPart, MOST_SIGNS, readLinkPart } from "./link.js";

const group = { name: "crab", icon: "crab", count: 3 as const, size: "large" as const };
const linked: Linked = {
  scene: { style: "flat", background: "blue", cells: [group, undefined, undefined, undefined] },
  settings: { ...defaultSettings(), prompt: "Was ist \u00fcber dem \u{1f980}?", tokensPerStep: 2, seed: 7 },
  text: "a [[2]].",
  model: "org/name",
};
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

describe("links", () => {
  test("what is written is read again, and usual settings take no room", () => {
    expect(readLinkPart(linkPart(linked) ?? "")).toEqual(linked);
    const bare = { scene: undefined, settings: defaultSettings(), text: undefined };
    expect(Buffer.from(linkPart(bare) ?? "", "base64url").toString()).toBe('{"v":1}');
    expect(readLinkPart(linkPart(bare) ?? "")).toEqual(bare);
  });

  test("what does not fit is no link", () => {
    const prompt = "x".repeat(MOST_SIGNS);
    expect(linkPart({ ...linked, settings: { ...linked.settings, prompt } })).toBeUndefined();
    expect(linkPart({ ...linked, text: "x".repeat(3000) })).toBeUndefined();
  });

  test.each([
    ["no base64", "%%%"],
    ["no JSON", Buffer.from("hello").toString("base64url")],
    ["half a character", Buffer.from([0x22, 0xc3, 0x22]).toString("base64url")],
    ["another version", encoded({ v: 2 })],
    ["more than there is", encoded({ v: 1, key: "a" })],
    ["a setting out of bounds", encoded({ v: 1, settings: { tokensPerStep: 1e9 } })],
    ["a setting of another kind", encoded({ v: 1, settings: { prompt: 4 } })],
    ["a scene of too many cells", encoded({ v: 1, scene: { style: "", background: "", cells: Array(65).fill(null) } })],
    ["a model without a name", encoded({ v: 1, model: "" })],
    ["a model's name that is none", encoded({ v: 1, model: "x".repeat(501) })],
    ["too many signs", "A".repeat(MOST_SIGNS + 1)],
  ])("%s is refused", (_, part) => {
    expect(() => readLinkPart(part)).toThrow(/^This link cannot be used: /);
  });

  test("whatever it is, it is read or refused; and no name of a prototype gets in", () => {
    const part = linkPart(linked) ?? "";
    fc.assert(
      fc.property(fc.nat(part.length - 1), fc.string({ maxLength: 4 }), (at, put) => {
        try {
          readLinkPart(part.slice(0, at) + put + part.slice(at + put.length));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Problem);
        }
      }),
    );
    const hostile = Buffer.from('{"v":1,"settings":{"__proto__":1,"constructor":2}}').toString("base64url");
    expect(readLinkPart(hostile).settings).toEqual(defaultSettings());
  });
});
