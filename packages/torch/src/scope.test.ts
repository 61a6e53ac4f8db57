/** Who frees what, and that nothing is left. */
import { beforeEach, describe, expect, test } from "vitest";
import {
  arange,
  backward,
  call,
  detachFromScope,
  fromBuffer,
  grad,
  memory,
  ones,
  Scope,
  scope,
  type Tensor,
  tensor,
  zeros,
} from "./index.js";
import { native } from "./native.js";
import { tensorsIn } from "./scope.js";
import { runInProcess } from "./testing/built.js";

let start = memory();
beforeEach(() => {
  start = memory();
});

/** Tensors made since the test began. */
const left = (): number => memory().tensors - start.tensors;

describe("scope", () => {
  test("frees what it does not return", () => {
    let inner: Tensor | undefined;
    const result = scope(() => {
      inner = ones([2]);
      return inner.add(1).mul(2);
    });
    expect(inner!.freed).toBe(true);
    expect(result.toNumbers()).toEqual([4, 4]);
    expect(left()).toBe(1);
    result.dispose();
    expect(memory()).toEqual(start);
  });

  test("keeps what is in nested arrays, objects, Maps and Sets, whatever the depth", () => {
    const result = scope(() => {
      const shared = ones([1]);
      return {
        list: [ones([1]), [shared]],
        map: new Map([["a", { deep: shared }]]),
        set: new Set([ones([1])]),
        bare: Object.assign(Object.create(null) as object, { x: ones([1]) }),
        nothing: null,
        number: 3,
        lost: ones([1]).add(1).item(),
      };
    });
    const kept = tensorsIn(result);
    expect(kept.size).toBe(4);
    expect(left()).toBe(4);
    for (const t of kept) expect(t.item()).toBe(1);
    for (const t of kept) t.dispose();
    expect(memory()).toEqual(start);
  });

  test("cyclic results end", () => {
    const result = scope(() => {
      const node: { self?: unknown; t: Tensor } = { t: ones([1]) };
      node.self = [node];
      return node;
    });
    expect(result.t.item()).toBe(1);
    result.t.dispose();
  });

  test("does not look into class instances", () => {
    class Box {
      constructor(readonly t: Tensor) {}
    }
    expect(scope(() => new Box(ones([1]))).t.freed).toBe(true);
  });

  test("nested scopes hand their results outwards, one level at a time", () => {
    scope(() => {
      const a = scope(() => scope(() => ones([3]).add(1)));
      expect(a.toNumbers()).toEqual([2, 2, 2]);
      expect(left()).toBe(1);
    });
    expect(memory()).toEqual(start);
  });

  test("a tensor from outside survives, even when it is returned", () => {
    using x = ones([2]);
    expect(scope(() => x)).toBe(x);
    scope(() => {
      scope(() => x);
      expect(x.freed).toBe(false);
    });
    expect(x.toNumbers()).toEqual([1, 1]);
  });

  test("an operator that gives back its input gives a handle of its own", () => {
    using x = ones([2]);
    const same = scope(() => x.contiguous());
    expect(same).not.toBe(x);
    same.dispose();
    expect(x.toNumbers()).toEqual([1, 1]);
  });

  test("frees everything when its body throws", () => {
    expect(() =>
      scope(() => {
        ones([2]);
        scope(() => {
          ones([3]);
          throw new Error("inside");
        });
      }),
    ).toThrow("inside");
    expect(memory()).toEqual(start);
    // and the next one works
    expect(scope(() => ones([2]).sum().item())).toBe(2);
  });

  test("frees everything when an operator fails", () => {
    expect(() => scope(() => ones([2, 2]).mm(ones([3, 3])))).toThrow("cannot be multiplied");
    expect(() => scope(() => call("aten::cat", [ones([2]), ones([2, 2])]))).toThrow();
    expect(memory()).toEqual(start);
  });

  test("refuses an asynchronous body and frees what that made so far", () => {
    expect(() => scope(async () => ones([2]))).toThrow("scope() is synchronous");
    expect(memory()).toEqual(start);
  });

  test("disposing inside is fine", () => {
    scope(() => {
      using a = ones([2]);
      a.add(1).dispose();
    });
    expect(memory()).toEqual(start);
  });

  test("a loop ends where it began, in tensors and bytes", () => {
    using w = ones([64, 64]);
    const before = memory();
    let x = ones([64, 64]);
    for (let i = 0; i < 200; i++) {
      const next = scope(() => x.mm(w).div(64).add(i).split(16)[1]!.repeat([4, 1]));
      x.dispose();
      x = next;
    }
    x.dispose();
    expect(memory()).toEqual(before);
  });

  test("a training loop ends where it began", () => {
    using w = ones([8, 8]).setRequiresGrad();
    const before = memory();
    for (let i = 0; i < 50; i++)
      scope(() => {
        backward(w.mm(w).square().mean());
        w.grad!.zero_();
        grad(w.exp().sum(), [w], { createGraph: true });
      });
    w.setGrad(undefined);
    expect(memory()).toEqual(before);
  });
});

describe("dispose", () => {
  test("twice is once", () => {
    const x = ones([2]);
    x.dispose();
    x.dispose();
    x[Symbol.dispose]();
    expect(x.freed).toBe(true);
    expect(memory()).toEqual(start);
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

  test("a view keeps the memory of its base", () => {
    const base = arange(0, 1000);
    const view = base.slice(0, 990);
    base.dispose();
    expect(view.toNumbers().length).toBe(10);
    expect(memory().bytes - start.bytes).toBe(8000);
    view.dispose();
    expect(memory()).toEqual(start);
  });
});

describe("Scope", () => {
  test("frees what its runs made, when it is disposed", async () => {
    {
      using s = new Scope();
      const x = s.run(() => ones([2]).add(1));
      await Promise.resolve();
      s.run(() => x.mul(2));
      expect(s.size).toBe(3);
      expect(x.toNumbers()).toEqual([2, 2]);
    }
    expect(memory()).toEqual(start);
  });

  test("runs interleave with scopes and with each other", () => {
    using a = new Scope();
    using b = new Scope();
    scope(() => {
      a.run(() => {
        ones([1]);
        b.run(() => ones([1]));
        scope(() => ones([1]).add(1)); // its result goes to a
      });
      ones([1]);
      expect([a.size, b.size, left()]).toEqual([2, 1, 4]);
    });
    expect([a.size, b.size, left()]).toEqual([2, 1, 3]);
  });

  test("takes over tensors of any scope, and of the caller", () => {
    const owned = ones([1]);
    using s = new Scope();
    scope(() => {
      const outer = ones([1]);
      scope(() => {
        const inner = ones([1]);
        for (const t of [owned, outer, inner]) s.adopt(t);
        s.adopt(inner);
      });
    });
    expect(s.size).toBe(3);
    s[Symbol.dispose]();
    expect(owned.freed).toBe(true);
    expect(memory()).toEqual(start);
    expect(() => s.adopt(owned)).toThrow("was freed");
  });

  test("can be used again after it is disposed; disposing twice is fine", () => {
    const s = new Scope();
    s.run(() => ones([1]));
    s[Symbol.dispose]();
    s[Symbol.dispose]();
    expect(s.run(() => ones([1])).item()).toBe(1);
    s[Symbol.dispose]();
    expect(memory()).toEqual(start);
  });

  test("an exception leaves the outer scope open again", () => {
    using s = new Scope();
    scope(() => {
      expect(() =>
        s.run(() => {
          throw new Error("inside");
        }),
      ).toThrow("inside");
      ones([1]);
      expect(s.size).toBe(0);
    });
    expect(memory()).toEqual(start);
    expect(() => s.run(async () => 1)).toThrow("synchronous");
  });

  test("forgets tensors that were disposed one by one", () => {
    using s = new Scope();
    for (let i = 0; i < 1000; i++) s.run(() => ones([1])).dispose();
    const kept = s.run(() => ones([1]));
    expect(s.size).toBe(1);
    s[Symbol.dispose]();
    expect(kept.freed).toBe(true);
  });
});

describe("detachFromScope", () => {
  test("takes a tensor out of the open scope, or of one further out", () => {
    const tensors = scope(() => {
      const outer = ones([1]);
      scope(() => {
        const inner = ones([2]);
        detachFromScope(outer);
        detachFromScope(inner);
        expect(detachFromScope(inner)).toBe(inner);
        return 0;
      });
      return { counts: [outer, inner0(outer)] };
    });
    expect(tensors.counts.map((t) => t.freed)).toEqual([false, false]);
    for (const t of tensors.counts) t.dispose();
    expect(left()).toBe(1); // `inner`
    function inner0(t: Tensor): Tensor {
      return detachFromScope(t.add(1));
    }
  });

  test("a detached tensor that is returned is not freed by the scope outside", () => {
    let kept: Tensor | undefined;
    scope(() => {
      kept = scope(() => detachFromScope(ones([1])));
    });
    expect(kept!.item()).toBe(1);
    kept!.dispose();
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

describe("what V8 is told of native memory", () => {
  const megabytes = (): number => Math.round((native.memory()[2] - reported) / 1e6);
  let reported = 0;
  beforeEach(() => {
    reported = native.memory()[2];
  });

  test("a large storage counts once, for as long as any view lives", () => {
    const big = zeros([100, 2500]);
    const [a, b] = [big.narrow(0, 0, 1), big.alias()];
    expect(megabytes()).toBe(1);
    big.dispose();
    b.dispose();
    expect(megabytes()).toBe(1);
    a.dispose();
    expect(megabytes()).toBe(0);
  });

  test("small tensors count as well", () => {
    scope(() => {
      const many = Array.from({ length: 1000 }, () => zeros([250]));
      for (const t of many) t.view([-1]);
      expect(megabytes()).toBe(1);
    });
    expect(native.memory()[2]).toBe(reported);
  });

  test("borrowed arrays do not: V8 knows them", () => {
    using _x = fromBuffer(new Float32Array(1e6), [1e6]);
    expect(megabytes()).toBe(0);
  });
});

describe("memory", () => {
  test("counts each storage once", () => {
    using x = ones([10], { dtype: "float64" });
    using _y = x.view([5, 2]);
    using _z = x.alias();
    expect(left()).toBe(3);
    expect(memory().bytes - start.bytes).toBe(80);
  });

  test("borrowed arrays count", () => {
    using _x = fromBuffer(new Float32Array(8), [8]);
    expect(memory().bytes - start.bytes).toBe(32);
  });

  test("tensor() leaves nothing behind", () => {
    tensor([[1, 2]], { dtype: "float64" }).dispose();
    tensor([[1, 2]], { dtype: "int64" }).dispose();
    tensor([true]).dispose();
    expect(memory()).toEqual(start);
  });
});
