/** Memory of freed tensors that is kept for the next ones. */
import { afterEach, expect } from "vitest";
import { empty, full, keepMemory, keptMemory, ones, scope } from "../index.js";
import { builtPackage, runInProcess } from "../testing/built.js";
import { test } from "../testing/test.js";

const MiB = 2 ** 20;
const make = (mebibytes: number): void => empty([mebibytes * MiB], { dtype: "uint8" }).dispose();

afterEach(() => keepMemory(0));

test("large blocks are kept up to the limit, small ones are not", () => {
  keepMemory(16 * MiB);
  make(4);
  expect(keptMemory()).toEqual({ bytes: 4 * MiB, limit: 16 * MiB });
  empty([1000]).dispose();
  expect(keptMemory().bytes).toBe(4 * MiB);
  make(32); // larger than the limit
  expect(keptMemory().bytes).toBe(4 * MiB);
  keepMemory(0);
  expect(keptMemory()).toEqual({ bytes: 0, limit: 0 });
});

test("a block serves the next tensor of about its size, and no smaller one", () => {
  keepMemory(64 * MiB);
  make(8);
  {
    using _same = empty([8 * MiB - 100], { dtype: "uint8" });
    expect(keptMemory().bytes).toBe(0);
  }
  expect(keptMemory().bytes).toBe(8 * MiB);
  using _smaller = empty([4 * MiB], { dtype: "uint8" });
  expect(keptMemory().bytes).toBe(8 * MiB);
});

test("the blocks freed longest ago go first", () => {
  keepMemory(12 * MiB);
  make(4);
  make(6);
  make(5);
  expect(keptMemory().bytes).toBe(11 * MiB);
  make(6); // used again, so now the last freed
  make(7);
  expect(keptMemory().bytes).toBe(7 * MiB);
});

test("values are those of the new tensor", () => {
  keepMemory(64 * MiB);
  scope(() => {
    for (let i = 0; i < 20; i++) {
      const x = full([300_000 + i * 1000], i);
      const y = x.add(1).mul(2);
      expect(y.amin().item()).toBe(2 * (i + 1));
      expect(y.amax().item()).toBe(2 * (i + 1));
      x.dispose();
      y.dispose();
    }
  });
});

test("a tensor made before keeps its own way of being freed", () => {
  using before = ones([MiB]);
  keepMemory(64 * MiB);
  expect(before.numel).toBe(MiB);
});

test("more memory than there is, is an error", () => {
  keepMemory(16 * MiB);
  expect(() => empty([2 ** 50])).toThrow("out of memory: a tensor of 4194304.0 GiB");
  expect(() => keepMemory(-1)).toThrow("keepMemory: bytes must be 0 or more");
});

test("threads may free and take at the same time", async () => {
  const output = await runInProcess(`
    import { Worker } from "node:worker_threads";
    const address = ${JSON.stringify(builtPackage())};
    torch.keepMemory(${64 * MiB});
    const code = \`import(\${JSON.stringify(address)}).then((torch) => {
      let wrong = 0;
      for (let i = 0; i < 300; i++) torch.scope(() => {
        const value = i % 7;
        const x = torch.full([300000 + (i % 5) * 20000], value).add(1);
        if (x.amin().item() !== value + 1 || x.amax().item() !== value + 1) wrong++;
      });
      require("node:worker_threads").parentPort.postMessage(wrong);
    });\`;
    const wrong = await Promise.all([1, 2, 3].map(() => new Promise((done, fail) => {
      const worker = new Worker(code, { eval: true, execArgv: [] });
      worker.once("message", done);
      worker.once("error", fail);
    })));
    console.log(wrong.join(), torch.keptMemory().bytes <= ${64 * MiB});`);
  expect(output.trim()).toBe("0,0,0 true");
});
