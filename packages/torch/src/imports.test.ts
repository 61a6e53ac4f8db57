/** What imports what. */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { importCircles } from "../../../scripts/import-graph.mjs";

test("no file imports itself by way of others", () => {
  expect(importCircles(fileURLToPath(new URL(".", import.meta.url)))).toEqual([]);
});
