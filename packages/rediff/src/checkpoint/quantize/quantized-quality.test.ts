/** What rounding does to the embedded model: how far its distributions move, and how often its first choice changes. */
import { inferenceMode, scope, type Tensor } from "@rediff/torch";
import { beforeEach, expect, test } from "vitest";
import { embeddedModelFolder } from "../../embedded.js";
import { idTensor } from "../../models/ids.js";
import { embed, hiddenStates, logits } from "../../models/llada/llada.js";
import { Rotary } from "../../models/llada/rotary.js";
import type { Model } from "../../models/llava/llava.js";
import { expectNoLeaks } from "../../testing/leaks.js";
import { loadModelFolder } from "../load-model.js";

beforeEach(expectNoLeaks);

const TEXTS = [
  "a red ball is to the left of a blue cube, and a green star is above them.",
  "there are three yellow cups on a table; the small one is in front.",
  "a black cat sits below a white moon. nothing else is there.",
];

/** Log-probabilities of all positions of the texts, every third one masked. */
function distributions({ llada, tokenizer }: Model): Tensor[] {
  return TEXTS.map((text) => {
    const ids = tokenizer.encodeText(text).map((id, i) => (i % 3 === 1 ? tokenizer.special.mask : id));
    const rows = embed(llada, idTensor(ids, "cpu").view([1, ids.length]));
    const rotary = new Rotary(llada.config).tables([[...ids.keys()]], rows.dtype, "cpu");
    return logits(llada, hiddenStates(llada, rows, { rotary })).logSoftmax(-1);
  });
}

test.each([
  ["int8", 0.002, 0.97],
  ["int4", 0.1, 0.85],
  ["float8", 0.03, 0.92],
] as const)(
  "%s: KL divergence below %f nats, the first choice kept in %f of positions",
  async (quantize, most, kept) => {
    using plain = await loadModelFolder(embeddedModelFolder());
    using rounded = await loadModelFolder(embeddedModelFolder(), { quantize, onWarning: () => {} });
    inferenceMode(() =>
      scope(() => {
        const [ps, qs] = [distributions(plain), distributions(rounded)];
        let [kl, same, positions] = [0, 0, 0];
        for (const [i, p] of ps.entries()) {
          const q = qs[i] as Tensor;
          kl += p.exp().mul(p.sub(q)).sum().item();
          same += p.argmax(-1).eq(q.argmax(-1)).sum().item();
          positions += p.size(1);
        }
        const found = { kl: kl / positions, same: same / positions };
        expect(found.kl, JSON.stringify(found)).toBeLessThan(most);
        expect(found.kl).toBeGreaterThan(1e-7);
        expect(found.same, JSON.stringify(found)).toBeGreaterThanOrEqual(kept);
      }),
    );
  },
);
