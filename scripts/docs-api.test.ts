/** The reference of the library that `npm run docs:api` makes. Making it takes half a minute, and warns where a public
 *  signature names what is not exported; here is only looked at whether somebody has made it since. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), "utf8");

test("docs/api has a heading for each name that the library exports, and for no other", () => {
  const exported = [...read("packages/rediff/src/index.ts").matchAll(/^export (?:type )?\{([^}]*)\}/gm)]
    .flatMap(([, names = ""]) => names.split(","))
    .map((name) =>
      name
        .trim()
        .replace(/^type /, "")
        .replace(/^.* as /, ""),
    )
    .filter((name) => name !== "");
  expect(exported.length).toBeGreaterThan(100);
  const told = [...read("docs/api/README.md").matchAll(/^### ([\w\\]+)/gm)].map(([, name = ""]) =>
    name.replaceAll("\\", ""),
  );
  expect([...new Set(told)].sort(), "run npm run docs:api").toEqual([...new Set(exported)].sort());
});
