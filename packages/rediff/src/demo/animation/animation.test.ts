/** From a trace to an animation: what each frame shows, and that the SVG is one. */
import { describe, expect, test } from "vitest";
import { animatedSvg } from "./animated-svg.js";
import { traceFrames } from "./trace-frames.js";

const [MASK, END] = [9, 8];
const names = ["A", " dog", " cat", " is", ".", " <&>"];

const change = (position: number, id: number, kind: "fill" | "revise") => ({
  position,
  token: id === END ? "<|eot_id|>" : (names[id] ?? ""),
  id,
  confidence: 0.5,
  kind,
});
const step = (image: string, number: number, tokens: number[], changes: object[], revised: object[] = []) =>
  JSON.stringify({ image, type: "step", step: number, tokens, changes, revised, seconds: 0.1 });

const trace = [
  step("a.png", 0, [0, MASK, MASK, END, MASK], [change(0, 0, "fill"), change(3, END, "fill")]),
  step("a.png", 1, [0, 2, 3, END, MASK], [change(1, 2, "fill"), change(2, 3, "fill")]),
  step("b.png", 0, [0, 4, 4, END, END], []),
  step("a.png", 2, [0, 1, 3, END, MASK], [change(1, 1, "revise")], [{ position: 1, from: 2, to: 1 }]),
].join("\n");

describe("frames", () => {
  test("say what is a mask, what is new, what was replaced and by what, up to the last word", () => {
    const { image, frames } = traceFrames(trace);
    expect(image).toBe("a.png");
    const shown = frames.map((frame) =>
      frame
        .map(({ text, mark, was }) => `${text ?? "_"}${{ kept: "", new: "+", replaced: `<${was}` }[mark]}`)
        .join(" "),
    );
    expect(shown).toEqual(["_ _ _", "A+ _ _", "A cat+ is+", "A dog<cat is"]);
  });

  test("are of the picture that is asked for; of none there is a word", () => {
    expect(traceFrames(trace, "b.png").frames).toHaveLength(2);
    expect(() => traceFrames(trace, "c.png")).toThrow(/no answer about c\.png/);
    expect(() => traceFrames("")).toThrow(/no step/);
    expect(() => traceFrames("{")).toThrow(/no JSON/);
  });
});

describe("the SVG", () => {
  const svg = animatedSvg(traceFrames(trace), {
    picture: "data:image/png;base64,AA==",
    title: 'What "is" <it>?',
    pace: 1,
    rest: 2,
  });

  test("shows one frame at a time, one after the other, all of them within one round", () => {
    const spans = [
      ...svg.matchAll(/@keyframes f\d\{(?:0%\{visibility:hidden\})?([\d.]+)%\{visibility:visible\}(?:([\d.]+)%)?/g),
    ];
    expect(spans.map(([, from, to]) => [Number(from), Number(to ?? 100)])).toEqual([
      [0, 16.667],
      [16.667, 33.333],
      [33.333, 50],
      [50, 66.667],
      [66.667, 100],
    ]);
    expect(svg.match(/<g class="f/g)).toHaveLength(5);
    expect(svg).toContain("animation-duration:6s");
  });

  test("says what happens, names what was replaced, and has no foreign mark-up", () => {
    expect(svg).toContain("step 3 of 3: 1 replaced");
    expect(svg).toContain("3 tokens in 3 steps, 1 replaced");
    expect(svg).toMatch(/class="was"[^>]*>cat</);
    expect(svg).toContain("What &quot;is&quot; &lt;it&gt;?");
    const tags = [...svg.matchAll(/<\/?([a-z]+)/gi)].map(([, tag]) => tag);
    const known = ["svg", "style", "defs", "pattern", "rect", "image", "text", "g"];
    expect(tags.filter((tag) => !known.includes(tag ?? ""))).toEqual([]);
    expect(svg).not.toMatch(/<script|https?:(?!\/\/www\.w3\.org\/2000\/svg)/);
  });
});
