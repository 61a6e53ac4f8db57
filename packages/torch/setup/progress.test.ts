import fc from "fast-check";
import { expect, test } from "vitest";
import { createUi, drawBar } from "./progress.mjs";

test("a bar shows how much is done, and fits the terminal", () => {
  expect(drawBar("torch.whl", 257e6, 514e6, 100)).toBe(
    "  torch.whl [###############               ] 50%  257 of 514 MB",
  );
  expect(drawBar("torch.whl", 5e6, null, 100)).toBe("  torch.whl  5 MB");
  fc.assert(
    fc.property(
      fc.nat(2e9),
      fc.nat(2e9),
      fc.integer({ min: 10, max: 200 }),
      fc.string(),
      (done, total, columns, label) => {
        expect(drawBar(label, done, total, columns).length).toBeLessThan(columns);
      },
    ),
  );
});

test("bars are drawn on a terminal only; lines always", () => {
  const lines: string[] = [];
  const ui = createUi({ log: (line) => lines.push(line) });
  ui.bar("file", 1, 2);
  ui.say("done");
  ui.detail("for --verbose");
  expect(lines).toEqual(["setup: done"]);

  let written = "";
  const stream = { isTTY: true, columns: 80, write: (text: string) => (written += text) };
  const live = createUi({ stream: stream as unknown as NodeJS.WriteStream, verbose: true });
  live.bar("file", 1e6, 2e6);
  live.detail("after the bar");
  expect(written.split("\r\x1b[K")).toEqual([expect.stringContaining("50%  1 of 2 MB"), "setup: after the bar\n"]);
});
