import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { folderOfFile } from "../../testing/folders.js";
import { program } from "../main.js";
import { completionScript } from "./completion.js";

const { at } = folderOfFile();

/** What bash would offer behind these words, the last one unfinished. */
function offered(...words: string[]): string[] {
  const script = at("complete.bash");
  writeFileSync(script, completionScript("bash", program()));
  const line = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rediff_complete; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const answer = execFileSync("bash", ["-c", line, "bash", script, "rediff", ...words], { encoding: "utf8" });
  return answer.trim().split("\n");
}

test("commands, those below them, and options", () => {
  expect(offered("ca")).toEqual(["caption"]);
  expect(offered("data", "pre")).toEqual(["prepare"]);
  expect(offered("caption", "photo.jpg", "--tokens")).toEqual(["--tokens-per-step"]);
  expect(offered("data", "draft", "--o")).toContain("--output");
  expect(offered("data", "draft", "--o")).not.toContain("--force");
});

test("an option's choices, and files where nothing else fits", () => {
  expect(offered("caption", "--dtype", "b")).toEqual(["bfloat16"]);
  expect(offered("completion", "z")).toEqual(["zsh"]);
  writeFileSync(at("picture.png"), "");
  expect(offered("caption", join(at("."), "pict"))).toEqual([join(at("."), "picture.png")]);
});

test("every command and option is in each shell's script", () => {
  const [bash, zsh, fish] = (["bash", "zsh", "fish"] as const).map((shell) => completionScript(shell, program()));
  for (const word of ["caption", "prepare", "--tokens-per-step", "--keep-pictures"]) {
    expect(bash).toContain(word);
    expect(zsh).toContain(word);
    expect(fish).toContain(word.replace(/^--/, ""));
  }
  expect(zsh).toMatch(/^autoload .*bashcompinit/m);
});
