import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { withinTime } from "./within-time.js";

const late = () => new Error("late");

test("what it makes comes back, what it throws comes through", () => {
  expect(withinTime(1000, () => "made", late)).toBe("made");
  expect(() =>
    withinTime(
      1000,
      () => {
        throw new TypeError("its own");
      },
      late,
    ),
  ).toThrow(TypeError);
});

describe("is stopped:", () => {
  test.each([
    [
      "a loop",
      () => {
        for (;;);
      },
    ],
    ["an expression", () => /(a+)+b/.test("a".repeat(60))],
    [
      "what catches all",
      () => {
        for (;;) {
          try {
            for (;;);
          } catch {}
        }
      },
    ],
  ])("%s", (_, work) => {
    expect(() => withinTime(100, work, late)).toThrow("late");
  });

  test("within what is within a time itself", () => {
    const inner = () => {
      expect(() => withinTime(50, () => /(a+)+b/.test("a".repeat(60)), late)).toThrow("late");
      return "on";
    };
    expect(withinTime(20_000, inner, () => new Error("outer"))).toBe("on");
  });
});

test.each([
  ["a process that was stopped meanwhile has another try", ""],
  [
    "a thread that was, while others of its process compute, has one too",
    `new (await import("node:worker_threads")).Worker("for (const end = Date.now() + 3000; Date.now() < end;);", { eval: true }).unref();`,
  ],
])("%s", async (_, beside) => {
  const compiled = fileURLToPath(new URL("../../../dist/text/bounds/within-time.js", import.meta.url));
  const code = `
    import { withinTime } from ${JSON.stringify(compiled)};
    ${beside}
    let tries = 0;
    const work = () => {
      // Sleeps, as a stopped process does.
      if (tries++ === 0) { process.stdout.write("begun\\n"); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 900); for (let i = 0; i < 1e6; i++); }
      return "done";
    };
    console.log(withinTime(300, work, () => new Error("late")), tries);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  for await (const piece of child.stdout) said += piece;
  expect(said).toBe("begun\ndone 2\n");
});
