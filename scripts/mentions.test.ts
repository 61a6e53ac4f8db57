/** Files that documents and comments name are there: whoever follows a hint must not end nowhere. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");
/** All but what is installed or built. */
const present = [
  "README.md",
  ...["bench", "deploy", "docs", "examples", "models", "packages", "recipes", "scripts"].flatMap(below),
];

function below(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (!entry.isDirectory()) return [path];
    return ["node_modules", "dist", "build"].includes(entry.name) ? [] : below(path);
  });
}

const documents = present.filter((path) => path.endsWith(".md"));

test("links of documents lead somewhere", () => {
  const links = documents.flatMap((document) =>
    [...read(document).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(([, target = ""]) => ({
      document,
      target: normalize(join(dirname(document), target)),
    })),
  );
  expect(links.length).toBeGreaterThan(40);
  expect(links.filter(({ target }) => !existsSync(join(root, target)))).toEqual([]);
});

test("paths between backticks in documents are there", () => {
  const paths = documents.flatMap((document) =>
    [...read(document).matchAll(/`((?:packages|scripts|bench|docs|deploy|examples)\/[\w./-]+)`/g)].map(
      ([, path = ""]) => ({ document, path }),
    ),
  );
  expect(paths.length).toBeGreaterThan(60);
  // A package's own README names paths of the package.
  const places = (document: string) => [root, join(root, dirname(document))];
  const isThere = (document: string, path: string) => places(document).some((place) => existsSync(join(place, path)));
  expect(paths.filter(({ document, path }) => !isThere(document, path))).toEqual([]);
});

test("source files that comments name are there", () => {
  const sources = present.filter((path) => /\.(ts|tsx|mjs|css)$/.test(path) && !path.includes(".generated."));
  const isThere = (name: string): boolean => present.some((path) => path === name || path.endsWith(`/${name}`));
  const mentions = sources.flatMap((source) =>
    commentsOf(read(source)).flatMap((comment) =>
      [...comment.matchAll(/(?<![\w./-])((?:[\w-]+\/)*[a-z][\w-]*\.(?:tsx?|mjs))\b/g)].map(([, name = ""]) => ({
        source,
        name,
      })),
    ),
  );
  expect(mentions.length).toBeGreaterThan(20);
  expect(mentions.filter(({ name }) => !isThere(name))).toEqual([]);
});

/** Blocks, and what follows two slashes at the start of a line or after code. */
function commentsOf(text: string): string[] {
  return [...text.matchAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/ .*$/gm)].map(([comment]) => comment);
}
