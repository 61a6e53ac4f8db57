import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";

const root = fileURLToPath(new URL("..", import.meta.url));
const listing = z.array(z.object({ files: z.array(z.object({ path: z.string() })) }));

test("the package that is published holds the embedded model, its baseline and the page, and the folder is left as it was", () => {
  // Of a copy: other tests look for the model where packing puts it for a moment.
  const copy = mkdtempSync(join(tmpdir(), "rediff-pack-"));
  onTestFinished(() => rmSync(copy, { recursive: true }));
  const folder = join(copy, "packages/rediff");
  for (const name of ["bin", "prompts", "scripts", "package.json", "README.md"])
    cpSync(join(root, "packages/rediff", name), join(folder, name), { recursive: true });
  for (const name of [
    "models/demo",
    "models/demo-stages/llada_v",
    "packages/studio/dist",
    "recipes",
    "docs",
    "LICENSE",
  ])
    cpSync(join(root, name), join(copy, name), { recursive: true });

  const answer = execFileSync("npm", ["pack", "--dry-run", "--json"], {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const paths = listing.parse(JSON.parse(answer)).flatMap(({ files }) => files.map(({ path }) => path));
  for (const path of [
    "models/demo/model.safetensors",
    "models/demo/README.md",
    "models/demo-stages/llada_v/model.safetensors",
    "studio/index.html",
    "recipes/first.yaml",
    "recipes/rediff/stage1.yaml",
    "docs/tour.md",
    "LICENSE",
    "bin/rediff.mjs",
  ])
    expect(paths).toContain(path);
  expect(["models", "studio", "recipes", "docs", "LICENSE"].filter((name) => existsSync(join(folder, name)))).toEqual(
    [],
  );
}, 60_000);
