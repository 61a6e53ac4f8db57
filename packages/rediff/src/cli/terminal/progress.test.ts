import { expect, test } from "vitest";
import { formatDuration } from "../../units.js";
import { type ProgressOptions, progress } from "./progress.js";

function terminal(options: ProgressOptions, isTTY = true) {
  const written: string[] = [];
  const clock = { ms: 0 };
  const stream = { isTTY, columns: 100, write: (text: string) => written.push(text) };
  return { written, clock, line: progress({ ...options, stream, now: () => clock.ms }) };
}

test("shows part, speed and time left; what was there before does not count as speed", () => {
  const { written, clock, line } = terminal({ label: "x", unit: "B", total: 10_000_000, initial: 4_000_000 });
  clock.ms = 1000;
  line.update(6_000_000);
  expect(written.at(-1)).toBe("\r\x1b[Kx  60%  6.0 MB of 10.0 MB  2.0 MB/s  2s left");
});

test("redraws at most ten times a second, but always the end", () => {
  const { written, clock, line } = terminal({ label: "x", unit: "pictures", total: 100 });
  for (let done = 1; done <= 100; done++) {
    clock.ms += 10;
    line.update(done);
  }
  expect(written.length).toBeGreaterThan(8);
  expect(written.length).toBeLessThan(13);
  expect(written.at(-1)).toContain("100 of 100 pictures");
  line.finish();
  expect(written.at(-1)).toBe("\r\x1b[K");
});

test("the speed follows the last seconds", () => {
  const { written, clock, line } = terminal({ label: "x", unit: "B" });
  for (let second = 1; second <= 10; second++) {
    clock.ms = second * 1000;
    line.update(second * 1_000_000);
  }
  for (let second = 11; second <= 20; second++) {
    clock.ms = second * 1000;
    line.update(10_000_000 + (second - 10) * 1_000);
  }
  expect(written.at(-1)).toContain("1.0 kB/s");
});

test("no line without a terminal; notes come through", () => {
  const { written, clock, line } = terminal({ label: "x", unit: "B", total: 10 }, false);
  clock.ms = 1000;
  line.update(10);
  line.note("careful");
  line.finish();
  expect(written).toEqual(["careful\n"]);
});

test("a note stands above the line, and no line is wider than the terminal", () => {
  const { written, clock, line } = terminal({ label: "x".repeat(200), unit: "B" });
  clock.ms = 1000;
  line.update(5);
  expect(written.at(-1)).toHaveLength(99 + "\r\x1b[K".length);
  line.note("careful");
  expect(written.at(-1)?.startsWith("\r\x1b[Kcareful\nxxx")).toBe(true);
});

test("durations", () => {
  expect([0.2, 59.5, 65, 3725].map(formatDuration)).toEqual(["1s", "1m00s", "1m05s", "1h02m"]);
});
