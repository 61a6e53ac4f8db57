/** What the documentation shows is right: its commands are understood, its links lead somewhere. Its code is run by
 *  installed.test.ts. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { program } from "./cli/main.js";

const workspace = fileURLToPath(new URL("../../../", import.meta.url));
const pages = ["README.md", "examples/README.md", "bench/README.md", "packages/rediff/README.md"];
const docs = readdirSync(join(workspace, "docs")).filter((name) => name.endsWith(".md"));
pages.push(...docs.map((name) => `docs/${name}`));
const text = Object.fromEntries(pages.map((page) => [page, readFileSync(join(workspace, page), "utf8")]));

/** Words of a shell command, quotes taken off, comments and continuation of a pipe left out. */
function words(command: string): string[] {
  const found: string[] = [];
  for (const [word] of command.matchAll(/"[^"]*"|'[^']*'|[^\s]+/g)) {
    if (/^(#|\||&&|>|2>)/.test(word)) break;
    found.push(word.replace(/^(["'])(.*)\1$/, "$2"));
  }
  return found;
}

/** Everything that follows `npx rediff` (or, in help texts, `$ rediff`) in a line. Bare mentions of a name are none. */
const commandsIn = (page: string, start: RegExp): string[] =>
  page
    .replaceAll(/\\\n\s*/g, " ")
    .split("\n")
    .flatMap((line) => {
      const at = start.exec(line);
      return at === null ? [] : [line.slice(at.index + at[0].length).replace(/`.*$/, "")];
    });

/** The program with nothing behind its commands. @throws CommanderError for words that it does not know */
async function understand(args: readonly string[]): Promise<void> {
  const root = program();
  const idle = (command: Command): void => {
    command.action(() => undefined);
    for (const option of command.options)
      if (option.mandatory && !args.includes(option.long ?? "")) option.mandatory = false;
    command.commands.forEach(idle);
  };
  root.action(() => undefined).commands.forEach(idle);
  await root.parseAsync(["node", "rediff", ...args.filter((word) => word !== "--help")]);
}

/** Usage such as `caption IMAGE... --model DIR` or `bench -- decode|overhead` stands for itself. */
const shown = pages.flatMap((page) =>
  commandsIn(text[page] ?? "", /npx rediff(?= )|^rediff(?= )/).map((line) => ({ page, line })),
);

describe("commands", () => {
  test("there are some", () => expect(shown.length).toBeGreaterThan(10));

  test.each(shown)("$page: rediff$line", async ({ line }) => {
    await understand(words(line.replaceAll("{}", "0"))); // xargs puts a number there
  });

  const helps = (command: Command): { name: string; line: string }[] => {
    const help: string[] = [];
    command.configureOutput({ writeOut: (part) => void help.push(part) }).outputHelp();
    const own = commandsIn(help.join(""), /^ *\$ rediff(?= )/).map((line) => ({ name: command.name(), line }));
    return [...own, ...command.commands.flatMap(helps)];
  };
  test.each(program().commands.flatMap(helps))("help of $name: rediff$line", async ({ line }) => {
    await understand(words(line));
  });

  test("npm scripts that are named are there", () => {
    const { scripts } = JSON.parse(readFileSync(join(workspace, "package.json"), "utf8")) as { scripts: object };
    for (const page of Object.values(text))
      for (const [, script] of page.matchAll(/npm run ([a-z:]+)\b(?! -w)/g))
        expect(Object.keys(scripts)).toContain(script!);
  });
});

test.each(pages)("%s: its links lead somewhere", (page) => {
  for (const [, target] of (text[page] ?? "").matchAll(/\]\(([^)#]+?)(?:#[^)]*)?\)/g)) {
    if (/^https?:/.test(target!)) continue;
    expect(existsSync(join(workspace, dirname(page), target!)), target).toBe(true);
  }
});
