/** What scopes free, what they hand on, and that nothing is left. */
import { describe, expect } from "vitest";
import {
  backward,
  call,
  detachFromScope,
  exchangeTensors,
  grad,
  memory,
  ones,
  Scope,
  scope,
  type Tensor,
  take,
} from "./index.js";
import { tensorsIn } from "./scope.js";
import { test } from "./testing/test.js";

describe("scope", () => {
  test("frees what it does not return", ({ memoryAtStart, left }) => {
    let inner: Tensor | undefined;
    const result = scope(() => {
      inner = ones([2]);
      return inner.add(1).mul(2);
    });
    expect(inner!.freed).toBe(true);
    expect(result.toNumbers()).toEqual([4, 4]);
    expect(left()).toBe(1);
    result.dispose();
    expect(memory()).toEqual(memoryAtStart);
  });

  test("keeps what is in nested arrays, objects, Maps and Sets, whatever the depth", ({ memoryAtStart, left }) => {
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
    expect(memory()).toEqual(memoryAtStart);
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

  test("nested scopes hand their results outwards, one level at a time", ({ memoryAtStart, left }) => {
    scope(() => {
      const a = scope(() => scope(() => ones([3]).add(1)));
      expect(a.toNumbers()).toEqual([2, 2, 2]);
      expect(left()).toBe(1);
    });
    expect(memory()).toEqual(memoryAtStart);
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

  test("frees everything when its body throws", ({ memoryAtStart }) => {
    expect(() =>
      scope(() => {
        ones([2]);
        scope(() => {
          ones([3]);
          throw new Error("inside");
        });
      }),
    ).toThrow("inside");
    expect(memory()).toEqual(memoryAtStart);
    // and the next one works
    expect(scope(() => ones([2]).sum().item())).toBe(2);
  });

  test("frees everything when an operator fails", ({ memoryAtStart }) => {
    expect(() => scope(() => ones([2, 2]).mm(ones([3, 3])))).toThrow("cannot be multiplied");
    expect(() => scope(() => call("aten::cat", [ones([2]), ones([2, 2])]))).toThrow();
    expect(memory()).toEqual(memoryAtStart);
  });

  test("refuses an asynchronous body and frees what that made so far", ({ memoryAtStart }) => {
    expect(() => scope(async () => ones([2]))).toThrow("scope() is synchronous");
    expect(memory()).toEqual(memoryAtStart);
  });

  test("disposing inside is fine", ({ memoryAtStart }) => {
    scope(() => {
      using a = ones([2]);
      a.add(1).dispose();
    });
    expect(memory()).toEqual(memoryAtStart);
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

describe("Scope", () => {
  test("frees what its runs made, when it is disposed", async ({ memoryAtStart }) => {
    {
      using s = new Scope();
      const x = s.run(() => ones([2]).add(1));
      await Promise.resolve();
      s.run(() => x.mul(2));
      expect(s.size).toBe(3);
      expect(x.toNumbers()).toEqual([2, 2]);
    }
    expect(memory()).toEqual(memoryAtStart);
  });

  test("runs interleave with scopes and with each other", ({ left }) => {
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

  test("takes over tensors of any scope, and of the caller", ({ memoryAtStart }) => {
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
    expect(memory()).toEqual(memoryAtStart);
    expect(() => s.adopt(owned)).toThrow("was freed");
  });

  test("can be used again after it is disposed; disposing twice is fine", ({ memoryAtStart }) => {
    const s = new Scope();
    s.run(() => ones([1]));
    s[Symbol.dispose]();
    s[Symbol.dispose]();
    expect(s.run(() => ones([1])).item()).toBe(1);
    s[Symbol.dispose]();
    expect(memory()).toEqual(memoryAtStart);
  });

  test("an exception leaves the outer scope open again", ({ memoryAtStart }) => {
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
    expect(memory()).toEqual(memoryAtStart);
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
    const detached: Tensor[] = [];
    scope(() => {
      const outer = ones([1]);
      scope(() => {
        const inner = ones([2]);
        detachFromScope(inner);
        expect(detachFromScope(inner)).toBe(inner);
        detached.push(inner, detachFromScope(outer));
      });
      detached.push(detachFromScope(outer.add(1)));
    });
    expect(detached.map((t) => t.freed)).toEqual([false, false, false]);
    for (const t of detached) t.dispose();
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

describe("exchangeTensors", () => {
  test("has each stand for what the other was; who frees them stays", ({ memoryAtStart }) => {
    const mine = ones([2]);
    scope(() => {
      const theirs = ones([3]).mul(5);
      exchangeTensors(mine, theirs);
      expect(theirs.toNumbers()).toEqual([1, 1]);
    });
    expect(mine.toNumbers()).toEqual([5, 5, 5]);
    const gone = ones([1]);
    gone.dispose();
    expect(() => exchangeTensors(mine, gone)).toThrow("the tensor was freed or used up");
    mine.dispose();
    expect(memory()).toEqual(memoryAtStart);
  });
});

describe("take", () => {
  test("moves what there is to a new handle and closes the old one", ({ left }) => {
    const old = ones([2]);
    const taken = take(old);
    expect([old.freed, left()]).toEqual([true, 1]);
    expect(taken.toNumbers()).toEqual([1, 1]);
    expect(() => old.add(1)).toThrow(/freed/);
    expect(() => take(old)).toThrow("the tensor was freed or used up");
    taken.dispose();
  });

  test("gives it to the open scope, whoever owned it", ({ left }) => {
    const outside = ones([1]);
    scope(() => {
      take(outside);
      take(ones([1]));
    });
    expect(left()).toBe(0);
  });

  test("what is taken and returned stays", ({ left }) => {
    const kept = scope(() => take(ones([1]).add_(2)));
    expect([kept.item(), left()]).toEqual([3, 1]);
    kept.dispose();
  });
});
