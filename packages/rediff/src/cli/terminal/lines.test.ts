/** Whatever a command shows goes through lines.ts, live-text.ts or a status line: nothing of others steers the terminal. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import { rediffHere } from "../../testing/command-line.js";
import { answerLine, noteLine } from "./lines.js";

const cli = fileURLToPath(new URL("..", import.meta.url));

test("no command writes to the terminal in another way", () => {
  const sources = readdirSync(cli, { recursive: true, encoding: "utf8" }).filter(
    (path) => path.endsWith(".ts") && !path.endsWith(".test.ts"),
  );
  expect(sources.length).toBeGreaterThan(40);
  const writing = sources.filter((path) =>
    /process\.(?:stdout|stderr)\.write|console\.\w+\(/.test(readFileSync(join(cli, path), "utf8")),
  );
  // What agents read is JSON; no terminal shows it.
  const protocol = "commands/agents/mcp.ts";
  expect(writing.map((path) => path.replaceAll("\\", "/")).sort()).toEqual([protocol, "terminal/lines.ts"]);
});

const HOSTILE = "a\x1b[2J\x9b31m\u202eb";

test.each(["caption", "refine --draft x", "inspect", "data check", "train"])(
  "%s names a file that is called so",
  async (words) => {
    const { stdout, stderr } = await rediffHere(...words.split(" "), HOSTILE);
    expect(stdout + stderr).toContain("a\u00b7[2J");
    for (const sign of ["\x1b", "\x9b", "\u202e"]) expect(stdout + stderr).not.toContain(sign);
  },
);

test("what is piped elsewhere stays as it is, a note never does", () => {
  const written = { out: [] as unknown[], err: [] as unknown[] };
  const isTTY = process.stdout.isTTY;
  vi.spyOn(process.stdout, "write").mockImplementation((text) => written.out.push(text) > 0);
  vi.spyOn(process.stderr, "write").mockImplementation((text) => written.err.push(text) > 0);
  try {
    process.stdout.isTTY = false;
    answerLine(HOSTILE);
    process.stdout.isTTY = true;
    answerLine(HOSTILE);
    noteLine(HOSTILE);
  } finally {
    vi.restoreAllMocks();
    process.stdout.isTTY = isTTY;
  }
  const shown = "a\u00b7[2J\u00b731m\u00b7b\n";
  expect(written).toEqual({ out: [`${HOSTILE}\n`, shown], err: [shown] });
});
