/** Worker threads: each has tensors, modes and generators of its own, and tensors can be handed over. */
import { Worker } from "node:worker_threads";
import { describe, expect } from "vitest";
import { fromBuffer, getThreads, memory, noGrad, ones, receive, send, setThreads, tensor } from "./index.js";
import { builtPackage, runInProcess } from "./testing/built.js";
import { test } from "./testing/test.js";

/** Runs code in a worker thread; `torch` is the package, `port` the way back. Gives the first message. */
async function inWorker<T>(code: string, workerData?: unknown): Promise<T> {
  const program = `
    const { parentPort: port, workerData } = require("node:worker_threads");
    import(${JSON.stringify(builtPackage())}).then(async (torch) => { ${code} });`;
  const worker = new Worker(program, { eval: true, workerData });
  try {
    return await new Promise<T>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
      worker.once("exit", (status) => reject(new Error(`the worker ended with ${status}`)));
    });
  } finally {
    await worker.terminate();
  }
}

describe("worker threads", () => {
  test("run operators, with tensors that the others do not see", async () => {
    using _mine = ones([5]);
    const before = memory();
    const result = await inWorker(`
      const before = torch.memory();
      const sum = torch.scope(() => torch.ones([3, 3]).mm(torch.ones([3, 3])).sum().item());
      port.postMessage([before.tensors, sum, torch.memory().tensors]);`);
    expect(result).toEqual([0, 27, 0]);
    expect(memory()).toEqual(before);
  });

  test("have modes of their own", async () => {
    const recorded = await noGrad(() => ({
      promise: inWorker(`port.postMessage(torch.ones([1]).setRequiresGrad().mul(2).requiresGrad);`),
    })).promise;
    expect(recorded).toBe(true);
    await inWorker(`torch.noGrad(() => port.postMessage(1)); await new Promise(() => {});`);
    using x = ones([1]).setRequiresGrad();
    using y = x.mul(2);
    expect(y.requiresGrad).toBe(true);
  });

  test("differentiate at the same time", async () => {
    const code = `
      const generator = new torch.Generator(workerData);
      const w = torch.randn([16, 16], generator).setRequiresGrad();
      for (let i = 0; i < 100; i++) torch.scope(() => { torch.backward(w.mm(w).square().mean()); });
      port.postMessage(w.grad.sum().item());`;
    const sums = await Promise.all([1, 2, 1].map((seed) => inWorker<number>(code, seed)));
    expect(sums[0]).toBe(sums[2]);
    expect(sums[0]).not.toBe(sums[1]);
  });

  test("report errors like the main thread", async () => {
    const message = await inWorker(`try { torch.ones([2]).view([3]); } catch (e) { port.postMessage(e.message); }`);
    expect(message).toMatch(/^aten::view \(self float32 \[2\]\): /);
  });
});

describe("send and receive", () => {
  test("share memory between threads", async () => {
    using x = tensor([1, 2, 3]);
    const token = await inWorker<number>(
      `const x = torch.receive(workerData); x.mul_(10); port.postMessage(torch.send(x.add(1)));`,
      send(x),
    );
    using sum = receive(token);
    expect(x.toNumbers()).toEqual([10, 20, 30]);
    expect(sum.toNumbers()).toEqual([11, 21, 31]); // its thread has ended, the tensor has not
  });

  test("a token works once", () => {
    using x = ones([1]);
    const token = send(x);
    receive(token).dispose();
    expect(() => receive(token)).toThrow("receive: no tensor was sent under this token, or it was received already");
    expect(() => receive(123456789)).toThrow(/no tensor was sent/);
  });

  test("a JavaScript array is copied, because it dies with its thread", async () => {
    const token = await inWorker<number>(`
      const view = torch.fromBuffer(new Float32Array(1000).fill(7), [1000]).slice(0, 10, 20);
      port.postMessage(torch.send(view));`);
    using received = receive(token);
    expect(received.toNumbers()).toEqual(Array(10).fill(7));

    const array = new Float32Array([1, 2]);
    using first = fromBuffer(array, [2]);
    fromBuffer(array, [2]).dispose(); // another loan of the same memory has ended
    using copy = receive(send(first));
    array[0] = 5;
    expect(copy.toNumbers()).toEqual([1, 2]);
  });

  test("the gradient graph stays behind", () => {
    using x = ones([1]).setRequiresGrad();
    using y = x.mul(2);
    using received = receive(send(y));
    expect(received.requiresGrad).toBe(false);
  });

  test("an array under a tensor cannot be transferred away", async () => {
    const array = new Float32Array([1, 2]);
    using x = fromBuffer(array, [2]);
    try {
      structuredClone(array, { transfer: [array.buffer] }); // Node 20 copies, later ones throw
    } catch (error) {
      expect(String(error)).toMatch(/DataCloneError/);
    }
    expect(array.length).toBe(2);
    expect(x.toNumbers()).toEqual([1, 2]);
  });
});

describe("the end of a thread", () => {
  test("with tensors, generators, graphs and borrowed arrays alive is quiet", async () => {
    const inside = `
      const { parentPort } = require("node:worker_threads");
      import(${JSON.stringify(builtPackage())}).then((torch) => {
        const s = new torch.Scope();
        globalThis.kept = [
          torch.ones([1000, 1000]),
          torch.fromBuffer(new Float32Array(1000), [1000]).view([10, 100]),
          new torch.Generator(1),
          torch.ones([10]).setRequiresGrad().exp().mul(2),
          torch.send(torch.ones([3])),
          s,
          s.run(() => torch.ones([5])),
        ];
        parentPort.postMessage(0);
        setInterval(() => torch.scope(() => torch.ones([50, 50]).mm(torch.ones([50, 50]))), 0);
      });`;
    const output = await runInProcess(`
      import { Worker } from "node:worker_threads";
      const endOfOne = () => new Promise((done) => {
        const worker = new Worker(${JSON.stringify(inside)}, { eval: true, execArgv: [] });
        worker.on("error", (error) => { console.log(error); process.exit(1); });
        worker.once("message", () => worker.terminate().then(done));
      });
      for (let round = 0; round < 4; round++) await Promise.all([endOfOne(), endOfOne(), endOfOne()]);
      console.log(torch.ones([2]).sum().item());`);
    expect(output.trim()).toBe("2");
  }, 60_000);

  test("of the process in the middle of everything is quiet", async () => {
    const output = await runInProcess(`
      const kept = [torch.ones([10]).setRequiresGrad().exp(), torch.fromBuffer(new Float32Array(9), [9]), torch.send(torch.ones([1]))];
      torch.scope(() => { torch.ones([3]); console.log("end"); process.exit(0); });`);
    expect(output.trim()).toBe("end");
  });
});

test("setThreads", () => {
  const before = getThreads();
  setThreads(1);
  expect(getThreads()).toBe(1);
  setThreads(before);
  for (const wrong of [0, -1, 1.5, Number.NaN])
    expect(() => setThreads(wrong)).toThrow("threads must be a whole number");
});
