import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { importCircles, importGraph } from "./import-graph.mjs";
import { exceptions, floors, isForTests, mostSources, sharedNames } from "./rooms.mjs";

const packages = fileURLToPath(new URL("../packages", import.meta.url));
const rediff = join(packages, "rediff/src");

const roomOf = (path: string): string => path.split("/")[0]?.replace(/\.ts$/, "") ?? "";
const floorOf = (room: string): number => floors.findIndex((rooms) => rooms.includes(room));

describe("imports", () => {
  test.each(["rediff", "studio", "torch"])("of %s have no circles", (name) => {
    expect(importCircles(join(packages, name, "src"))).toEqual([]);
  });

  test("lead from each room of rediff to lower floors only, but for what is written down", () => {
    const against = new Map<string, string[]>();
    for (const [file, targets] of importGraph(rediff)) {
      if (isForTests(file)) continue;
      for (const target of targets) {
        const [from, to] = [roomOf(file), roomOf(target)];
        if (from === to || floorOf(to) < floorOf(from)) continue;
        const arrow = `${from} > ${to}`;
        against.set(arrow, [...(against.get(arrow) ?? []), `${file} > ${target}`]);
      }
    }
    const unknown = [...against].filter(([arrow]) => !(arrow in exceptions)).flatMap(([, imports]) => imports);
    expect(unknown).toEqual([]);
    // An exception that nothing needs any longer is taken out of the list.
    expect(Object.keys(exceptions).filter((arrow) => !against.has(arrow))).toEqual([]);
  });

  test("never lead from what is shipped to helpers of tests", () => {
    for (const name of ["rediff", "studio", "torch"]) {
      const found = [...importGraph(join(packages, name, "src"))]
        .filter(([file]) => !isForTests(file))
        .flatMap(([file, targets]) => targets.filter(isForTests).map((target) => `${file} > ${target}`));
      expect(found).toEqual([]);
    }
  });

  test("every room has a floor", () => {
    const rooms = new Set([...importGraph(rediff).keys()].filter((path) => !isForTests(path)).map(roomOf));
    expect([...rooms].filter((room) => floorOf(room) < 0)).toEqual([]);
    expect(floors.flat().filter((room) => !rooms.has(room))).toEqual([]);
  });
});

describe.each(["rediff", "studio", "torch"])("files of %s", (name) => {
  const sources = [...importGraph(join(packages, name, "src")).keys()].filter((path) => !/\.test\.tsx?$/.test(path));

  test("are few enough in each folder to be read as a list", () => {
    const counts = new Map<string, number>();
    for (const path of sources) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
    expect([...counts].filter(([, count]) => count > mostSources)).toEqual([]);
  });

  test("have names of their own, but for one idea on several floors", () => {
    const paths = new Map<string, string[]>();
    for (const path of sources) {
      const stem = basename(path).replace(/\.tsx?$/, "");
      paths.set(stem, [...(paths.get(stem) ?? []), path]);
    }
    const twice = [...paths].filter(([stem, all]) => all.length > 1 && !(stem in sharedNames));
    expect(twice).toEqual([]);
  });
});
