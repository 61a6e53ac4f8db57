// Part of `npm run bench -- kernels`: what goes in one pass over memory beside libtorch's operators one by one, at 8B's
// proportions. Both in turns, by processor time with one thread; the least of the rounds.

import { decodeOptions } from "../packages/rediff/dist/diffusion/decode-options.js";
import { headAnswers, planShare, usualPiece } from "../packages/rediff/dist/diffusion/head/head-answers.js";
import { idTensor } from "../packages/rediff/dist/models/ids.js";
import { gated_, rmsNorm, turn_ } from "../packages/rediff/dist/models/kernels.js";
import { leastTimes } from "../packages/rediff/dist/models/measured/timing.js";
import { inferenceMode, noGrad, scope } from "../packages/torch/dist/index.js";
import { SHAPES } from "./shapes.mjs";

/** Rows of a cached step, and of prompt and answer. */
const ROWS = [128, 1628];

/** @returns rows of a table, of which the first is its head */
export function fusedTable({ random, options, log }) {
  const { hidden, heads, intermediate, vocabulary } = SHAPES["8b"];
  const table = [["", "operators, ms", "fused, ms", "fused beside operators"]];
  const compare = (name, ways) => {
    const { operators, fused } = leastTimes(ways, options);
    log(name);
    table.push([name, operators.toFixed(2), fused.toFixed(2), `${(operators / fused).toFixed(2)}x`]);
  };
  const run = (mode, body) => () => mode(() => scope(() => void body()));
  const both = (body) => ({ operators: run(noGrad, body), fused: run(inferenceMode, body) });
  for (const dtype of ["float32", "bfloat16"])
    for (const rows of ROWS)
      scope(() => {
        const made = (...shape) => random(...shape).to({ dtype });
        const [x, weight] = [made(1, rows, hidden), made(hidden)];
        compare(
          `norm, ${rows} rows, ${dtype}`,
          both(() => rmsNorm(x, weight, 1e-5)),
        );

        const q = made(1, rows, heads, hidden / heads);
        const [cos, sin] = [made(1, 1, rows, hidden / heads).cos(), made(1, 1, rows, hidden / heads).sin()];
        compare(
          `rotary positions, ${rows} rows, ${dtype}`,
          both(() => turn_(q.transpose(1, 2), cos, sin)),
        );

        // A gate is used up: each call has one of its own.
        const [gate, up] = [made(rows, intermediate), made(rows, intermediate)];
        const gates = Array.from({ length: 2 * (options.rounds + 1) }, () => gate.clone());
        compare(
          `SwiGLU, ${rows} rows, ${dtype}`,
          both(() => gated_(gates.pop(), up)),
        );
      });
  const rows = 128;
  for (const dtype of ["float32", "bfloat16"])
    scope(() => {
      const [states, head] = [random(rows, hidden).to({ dtype }), random(vocabulary, hidden).to({ dtype })];
      const positions = Array.from({ length: rows }, (_, i) => i);
      const { eos, bos, startHeader, endHeader } = SHAPES["8b"].special;
      const ids = [eos, bos, startHeader, endHeader];
      const ids_1V = random(1, vocabulary).gt(Number.POSITIVE_INFINITY).indexFill_(1, idTensor(ids, "cpu"), 1);
      const share = {
        ...{ positions, masked: positions.map(() => true), options: decodeOptions({ genLength: rows }) },
        ...{ confidence: "beside_others", bans: [], noise: undefined },
      };
      const question = {
        llada: { weights: { head } },
        vocabulary,
        forbidden: { ids, ids_I: idTensor(ids, "cpu"), ids_1V },
      };
      const planned = planShare(share, question.forbidden);
      const with_ = (piece) => run(inferenceMode, () => headAnswers({ ...question, piece }, states, [planned]));
      compare(`head with its product, ${rows} rows, ${dtype}`, {
        operators: with_("whole"),
        fused: with_(usualPiece({ device: "cpu", llada: question.llada })),
      });
    });
  return table;
}
