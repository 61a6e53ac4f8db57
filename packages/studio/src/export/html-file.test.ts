import { expect, test } from "vitest";
import { decodeByScript, scripts } from "../testing/mock-decoding.js";
import { addEvent, type Trace } from "../trace/trace.js";
import { htmlFile } from "./html-file.js";
import { playedFile } from "./played-file.js";

let trace: Trace | undefined;
for (const event of decodeByScript(scripts.short, { revise: true, perStep: 2, length: 4 })) {
  trace = addEvent(trace, event);
}
const parts = { script: "1", scriptHash: "h1", style: "a{}", styleHash: "h2" };
const saved = { created: "2026-01-02T03:04:05Z", model: "m", settings: {}, runs: { plain: trace! } };

test("texts of others are texts, in the page and in its data", () => {
  const hostile = `</script><script>alert(1)</script><img src=x onerror="alert(1)">`;
  const sides = { plain: { model: "m", title: hostile, note: hostile }, revising: { model: "", title: "", note: "" } };
  const html = htmlFile(playedFile({ ...saved, prompt: hostile, sides }), parts);
  expect(html.match(/<script/g)).toHaveLength(2);
  expect(html).not.toContain("<img");
  expect(html).toContain("script-src &#39;sha256-h1&#39;");
  const data = /id="data">(.*?)<\/script>/s.exec(html)?.[1];
  expect(JSON.parse(data ?? "")).toMatchObject({ prompt: hostile, runs: [{ title: hostile }] });
});
