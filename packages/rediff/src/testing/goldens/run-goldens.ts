/** Runs golden cases and counts them. */
import { parseArgs } from "node:util";
import type { Device } from "@rediff/torch";
import { UserError } from "../../errors.js";
import { DEVICE_FORMS, isDeviceName } from "../../options/device-name.js";
import type { RecipeKeys } from "../../training/recipe/recipe.js";
import { type CaseListing, computing, judging, listCases, loadCase, type Outcome } from "./golden-case.js";
import { findRoute, type Route, routes } from "./judge-of-case.js";

export type Tally = { passed: number; failed: number; skipped: number };

const usage =
  "npm run goldens -- FOLDER [--only PART_OF_AN_ID] [--device cuda] [--ranks N --sharding none|optimizer|full]";

/** The command: a line for each case, then `N passed, N failed, N skipped`. Returns the exit status. */
export async function goldensCommand(args: string[], print: (line: string) => void): Promise<number> {
  try {
    const { root, ...asked } = parseCommand(args);
    const { passed, failed, skipped } = await runGoldens(root, { ...asked, print });
    print(`${passed} passed, ${failed} failed, ${skipped} skipped`);
    return failed > 0 ? 1 : 0;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    print(error.line);
    return 1;
  }
}

/** Runs every case under `root` whose id contains `only`. Throws a UserError when there is none. */
export async function runGoldens(
  root: string,
  options: {
    only?: string | undefined;
    device?: Device;
    ranks?: number;
    sharding?: RecipeKeys["sharding"];
    leeway?: number;
    table?: readonly Route[];
    print?: (line: string) => void;
  } = {},
): Promise<Tally> {
  const { only = "", device = "cpu", leeway = 1, table = routes, print = () => {} } = options;
  const { ranks = 1, sharding = "none" } = options;
  Object.assign(computing, { device, ranks, sharding });
  judging.leeway = leeway;
  const listings = listCases(root).filter(({ id }) => id.includes(only));
  if (listings.length === 0) throw new UserError(`${root}: no case${only && ` with "${only}" in its id`}`, usage);

  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const listing of listings) {
    const outcome = await judge(root, listing, table);
    tally[outcome.status]++;
    print(describe(listing.id, outcome));
  }
  return tally;
}

async function judge(root: string, listing: CaseListing, table: readonly Route[]): Promise<Outcome> {
  try {
    const goldenCase = loadCase(root, listing);
    const route = findRoute(table, goldenCase);
    if (route === undefined) {
      return failure(`unknown function "${goldenCase.referenceFunction}" in group "${goldenCase.group}"`);
    }
    if ("skip" in route) return { status: "skipped", deviation: Number.NaN, note: route.skip };
    const adapter = await route.adapter();
    return await adapter.run(goldenCase);
  } catch (error) {
    if (error instanceof UserError) return failure(error.line);
    return failure(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  }
}

function failure(note: string): Outcome {
  return { status: "failed", deviation: Number.NaN, note };
}

function describe(id: string, { status, deviation, note }: Outcome): string {
  const measured = Number.isNaN(deviation) ? "-" : deviation === 0 ? "0" : deviation.toExponential(2);
  return `${status.padEnd(8)}${id.padEnd(56)} ${measured.padEnd(9)} ${(note ?? "").replace(/\s+/g, " ")}`.trimEnd();
}

const SHARDINGS: readonly RecipeKeys["sharding"][] = ["none", "optimizer", "full"];

function parseCommand(args: string[]): {
  root: string;
  only: string | undefined;
  device: Device;
  ranks: number;
  sharding: RecipeKeys["sharding"];
} {
  try {
    const options = {
      only: { type: "string" },
      device: { type: "string", default: "cpu" },
      ranks: { type: "string", default: "1" },
      sharding: { type: "string", default: "none" },
    } as const;
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options });
    if (!isDeviceName(values.device)) throw new Error(`--device must be ${DEVICE_FORMS}, got ${values.device}`);
    const [root, ...rest] = positionals;
    if (root === undefined || rest.length > 0) throw new Error(`expected one folder, got ${positionals.length}`);
    const ranks = Number(values.ranks);
    if (!Number.isInteger(ranks) || ranks < 1) throw new Error(`--ranks must be a number from 1, got ${values.ranks}`);
    const sharding = SHARDINGS.find((one) => one === values.sharding);
    if (sharding === undefined) throw new Error(`--sharding must be one of ${SHARDINGS.join(", ")}`);
    return { root, only: values.only, device: values.device as Device, ranks, sharding };
  } catch (cause) {
    throw new UserError(cause instanceof Error ? cause.message : String(cause), usage, { cause });
  }
}
