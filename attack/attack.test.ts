/** A minute of `npm run attack`: each kind once, then some of them mixed. Milliseconds are another matter on a machine that
 *  runs other tests; what they are on one that does not, docs/security.md has. */
import { expect, test } from "vitest";
import { isBuilt, type Outcome, runBattery } from "./battery.mjs";
import { reportText, violations } from "./report.mjs";

const MARGIN = 10;

test.skipIf(!isBuilt)(
  "whoever attacks the server is refused; it goes on to answer others, keeps its tensors, and is not restarted unasked",
  async () => {
    const options = { seconds: 1, seed: 1 };
    const outcome: Outcome = await runBattery({ ...options, threads: 1, log: () => undefined });
    const found = violations(outcome, { ...options, margin: MARGIN });
    if (found.length > 0) console.error(reportText(outcome, options));
    expect(found).toEqual([]);
    expect(outcome.rows).toHaveLength(17);
    expect(Math.min(...outcome.rows.map(({ tally }) => tally.tried))).toBeGreaterThan(0);
    expect(outcome.restarts.asked).toBeGreaterThanOrEqual(2);
  },
  600_000,
);

test("what did not hold is found, and told with how to have it again", () => {
  const tally = { tried: 4, refused: 0, answered: 1, gone: 0, wrong: 1, told: ["x: answered with 200"] };
  const seen = {
    health: [5, 70],
    gaps: [30, 600],
    waits: [],
    late: [1],
    away: [],
    captions: 1,
    lost: 0,
    failures: ["f"],
  };
  const quiet = { ...seen, health: [1], gaps: [30], failures: [] };
  const memory = { server: 100, model: 100 };
  const outcome = {
    rows: [{ kind: { name: "kind", title: "a kind", leastAnswered: 0.5 }, tally, seen }],
    alone: quiet,
    memory: { start: memory, middle: memory, end: { server: 107, model: 100 } },
    tensors: { start: { tensors: 5, forgotten: 0 }, end: { tensors: 6, forgotten: 1 } },
    restarts: { asked: 1, done: 2 },
    hasSettled: false,
    hasEnded: false,
    said: ["Error: y"],
  } as unknown as Outcome;
  expect(violations(outcome, { margin: 1, seed: 3 })).toEqual([
    ...[
      "kind: x: answered with 200",
      "kind: 1 of 4 were answered, fewer than 50 %",
      "kind: a neighbour's f",
      "kind: /health took 70 ms (p99), more than 50",
      "kind: a neighbour's step took 570 ms more than usual, over 250",
    ].map((what) => ({ what, repeat: "--seed 3 --only kind" })),
    ...[
      "the model was restarted 2 times, 1 were asked for",
      "6 tensors live at the end, 5 at the start",
      "1 tensors were freed by the garbage collector alone",
      "the server did not become idle and ready at the end",
      "memory grew to 107 %, more than 105",
      'the server\'s log has "Error: y"',
    ].map((what) => ({ what, repeat: "--seed 3" })),
  ]);
});
