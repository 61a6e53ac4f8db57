/** Tensors that are freed by hand, and those that nobody frees. */
import { describe, expect } from "vitest";
import { arange, backward, call, grad, memory, ones, zeros } from "./index.js";
import { runInProcess } from "./testing/built.js";
import { test } from "./testing/test.js";

describe("dispose", () => {
  test("twice is once", ({ memoryAtStart }) => {
    const x = ones([2]);
    x.dispose();
    x.dispose();
    x[Symbol.dispose]();
    expect(x.freed).toBe(true);
    expect(memory()).toEqual(memoryAtStart);
    using y = zeros([1]); // takes the freed slot
    x.dispose();
    expect(y.item()).toBe(0);
  });

  test("every use of a freed tensor says so", () => {
    const x = ones([2]);
    x.dispose();
    using y = ones([2]);
    const freed = /the tensor was freed/;
    const uses: Record<string, () => unknown> = {
      shape: () => x.shape,
      dtype: () => x.dtype,
      device: () => x.device,
      numel: () => x.numel,
      size: () => x.size(0),
      item: () => x.item(),
      data: () => x.data("float32"),
      toNumbers: () => x.toNumbers(),
      alias: () => x.alias(),
      requiresGrad: () => x.requiresGrad,
      setRequiresGrad: () => x.setRequiresGrad(),
      isLeaf: () => x.isLeaf,
      grad: () => x.grad,
      setGrad: () => y.setGrad(x),
      backward: () => backward(x),
      gradFunction: () => grad(y, [x]),
      method: () => x.add(1),
      argument: () => y.add(x),
      inPlace: () => y.add_(x),
      list: () => call("aten::cat", [y, x]),
      optional: () => call("aten::index.Tensor", y, [x]),
      call: () => call("aten::neg", x),
    };
    for (const [name, use] of Object.entries(uses)) expect(use, name).toThrow(freed);
    expect(() => y.add(x)).toThrow("aten::add.Tensor (self float32 [2]): other: the tensor was freed");
    expect(String(x)).toBe("Tensor (freed)");
  });

  test("an alias lives on", () => {
    const x = ones([2]);
    using a = x.alias();
    x.dispose();
    expect(a.toNumbers()).toEqual([1, 1]);
  });

  test("a view keeps the memory of its base", ({ memoryAtStart }) => {
    const base = arange(0, 1000);
    const view = base.slice(0, 990);
    base.dispose();
    expect(view.toNumbers().length).toBe(10);
    expect(memory().bytes - memoryAtStart.bytes).toBe(8000);
    view.dispose();
    expect(memory()).toEqual(memoryAtStart);
  });
});

describe("the safety net", () => {
  const collect = "const tick = async () => { globalThis.gc(); await new Promise((r) => setTimeout(r, 5)); };";

  test("frees forgotten tensors and counts them, not those that somebody freed", async () => {
    const output = await runInProcess(
      `${collect}
       for (let i = 0; i < 50; i++) torch.ones([10]);
       for (let i = 0; i < 30; i++) torch.ones([10]).dispose();
       torch.scope(() => torch.ones([10]).add(1).toNumbers());
       { const s = new torch.Scope(); s.run(() => torch.ones([10])); s[Symbol.dispose](); }
       const held = torch.ones([1]);
       for (let i = 0; i < 50 && torch.memory().tensors > 1; i++) await tick();
       console.log(JSON.stringify(torch.memory()), held.item());`,
      ["--expose-gc"],
    );
    expect(output.trim()).toBe('{"tensors":1,"bytes":4,"forgotten":50} 1');
  });

  test("catches the tensors of a forgotten Scope, and forgotten generators", async () => {
    const output = await runInProcess(
      `${collect}
       (() => { const s = new torch.Scope(); for (let i = 0; i < 20; i++) s.run(() => torch.ones([10])); })();
       for (let i = 0; i < 20; i++) new torch.Generator(i);
       for (let i = 0; i < 50 && torch.memory().tensors > 0; i++) await tick();
       console.log(JSON.stringify(torch.memory()), new torch.Generator(0).id < 20);`,
      ["--expose-gc"],
    );
    expect(output.trim()).toBe('{"tensors":0,"bytes":0,"forgotten":20} true');
  });

  test("keeps an array alive as long as a tensor lies over it, and lets go of it then", async () => {
    const output = await runInProcess(
      `${collect}
       let view = torch.fromBuffer(new Float32Array(1e6).fill(3), [1000, 1000]).slice(0, 500, 600);
       const finalized = [];
       const registry = new FinalizationRegistry((name) => finalized.push(name));
       const make = (name) => { const a = new Float32Array(100).fill(1); registry.register(a.buffer, name); return torch.fromBuffer(a, [100]); };
       const a = make("a"), b = make("b");
       for (let i = 0; i < 5; i++) await tick();
       const before = finalized.length;
       a.dispose();
       for (let i = 0; i < 50 && finalized.length === 0; i++) await tick();
       console.log(before, finalized.join(), b.sum().item(), view.sum().item());`,
      ["--expose-gc"],
    );
    expect(output.trim()).toBe("0 a 100 300000");
  });

  test("native memory makes the garbage collector run", async () => {
    const output = await runInProcess(
      `let most = 0;
       for (let i = 0; i < 300; i++) {
         torch.empty([2500000]);                        // 10 MB, forgotten
         await new Promise((r) => setImmediate(r));
         most = Math.max(most, torch.memory().bytes);
       }
       console.log(most < 1e9 || most, torch.memory().forgotten > 200);`,
    );
    expect(output.trim()).toBe("true true");
  });
});
