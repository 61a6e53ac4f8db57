import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const programs = readdirSync(join(root, "bench"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".mjs"))
  .map((name) => join(root, "bench", name));

/** Of every `import { a, b as c } from "FILE"`: the file, and a and b. */
function* namedImports(source: string) {
  for (const [, names = "", file = ""] of source.matchAll(/^import \{([^}]*)\} from "(\.[^"]*)";$/gm))
    for (const name of names.split(",").map((part) => part.trim().split(/\s+as\s+/)[0] ?? ""))
      if (name !== "") yield { name, file };
}

// A benchmark takes hours and no test runs it whole: what moved in the sources would be found out when it is needed.
describe("what benchmarks import", () => {
  test("is there", async () => {
    const missing: string[] = [];
    let count = 0;
    for (const program of programs)
      for (const { name, file } of namedImports(readFileSync(program, "utf8"))) {
        const path = resolve(dirname(program), file);
        if (!path.includes("/dist/")) continue;
        count++;
        const all: unknown = await import(pathToFileURL(path).href);
        if (!(typeof all === "object" && all !== null && name in all)) missing.push(`${program}: ${name} of ${file}`);
      }
    expect(missing).toEqual([]);
    expect(count).toBeGreaterThan(50);
  });
});
