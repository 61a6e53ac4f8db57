import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { firstHost, placeOf } from "./place.js";

const torchrun = { RANK: "3", WORLD_SIZE: "4", LOCAL_RANK: "1", MASTER_ADDR: "node0", MASTER_PORT: "1234" };

describe("a process knows which one it is", () => {
  test("under torchrun, which keeps the store and counts its restarts", () => {
    const agent = { ...torchrun, TORCHELASTIC_USE_AGENT_STORE: "True", TORCHELASTIC_RESTART_COUNT: "2" };
    expect(placeOf({ ...agent, RANK: "0" })).toEqual({
      ...{ rank: 0, size: 4, localRank: 1, host: "node0", port: 1234 },
      ...{ keepsStore: false, prefix: "/worker/attempt_2", launcher: "torchrun" },
    });
  });

  test("under whoever sets the same variables: rank 0 keeps the store", () => {
    expect(placeOf(torchrun)).toMatchObject({ rank: 3, keepsStore: false, prefix: "" });
    expect(placeOf({ ...torchrun, RANK: "0" })).toMatchObject({ rank: 0, keepsStore: true });
    expect(placeOf({ ...torchrun, REDIFF_LAUNCH: "1" })).toMatchObject({ launcher: "rediff launch" });
  });

  test("under Slurm, which names hosts and no port", () => {
    const slurm = {
      ...{ SLURM_PROCID: "5", SLURM_NTASKS: "8", SLURM_LOCALID: "1", SLURM_JOB_ID: "123456" },
      SLURM_NODELIST: "gpu[003-006],other9",
    };
    expect(placeOf(slurm)).toEqual({
      ...{ rank: 5, size: 8, localRank: 1, host: "gpu003", port: 15_000 + (123_456 % 45_000) },
      ...{ keepsStore: false, prefix: "", launcher: "slurm" },
    });
    expect(placeOf({ ...slurm, SLURM_STEP_NUM_TASKS: "6", MASTER_PORT: "99", MASTER_ADDR: "ib0" })).toMatchObject({
      ...{ size: 6, port: 99, host: "ib0" },
    });
    expect(() => placeOf({ ...slurm, SLURM_NODELIST: undefined })).toThrow("SLURM_NODELIST is not set");
  });

  test("in an indexed Job of Kubernetes, and in Kubeflow's TrainJob", () => {
    const job = { JOB_COMPLETION_INDEX: "1", WORLD_SIZE: "2", MASTER_ADDR: "train-0.train" };
    expect(placeOf(job)).toMatchObject({ rank: 1, size: 2, port: 29_500, launcher: "kubernetes" });
    expect(placeOf({ JOB_COMPLETION_INDEX: "1" })).toBeUndefined();
    const pod = { PET_NODE_RANK: "0", PET_NNODES: "2", PET_MASTER_ADDR: "m", PET_MASTER_PORT: "7" };
    expect(placeOf(pod)).toMatchObject({ rank: 0, keepsStore: true, launcher: "kubeflow" });
    expect(() => placeOf({ ...pod, PET_NPROC_PER_NODE: "8" })).toThrow(/PET_NPROC_PER_NODE is 8/);
  });

  test("alone: without variables, and as the only one of a launcher", () => {
    expect(placeOf({})).toBeUndefined();
    expect(placeOf({ ...torchrun, RANK: "0", WORLD_SIZE: "1" })).toBeUndefined();
    expect(placeOf({ SLURM_PROCID: "0", SLURM_NTASKS: "1", SLURM_NODELIST: "a" })).toBeUndefined();
  });
});

test("variables that cannot be are told by name", () => {
  for (const [change, message] of [
    [{ RANK: "4" }, /rank 4 of 4 processes \(torchrun\): ranks count from 0 to 3/],
    [{ RANK: "x" }, /RANK is "x"; expected a whole number from 0/],
    [{ WORLD_SIZE: "0" }, /WORLD_SIZE is "0"; expected a whole number from 1/],
    [{ LOCAL_RANK: "" }, /LOCAL_RANK is ""/],
    [{ MASTER_PORT: "70000" }, /MASTER_PORT is 70000/],
    [{ MASTER_ADDR: undefined }, /MASTER_ADDR is not set/],
  ] as const)
    expect(() => placeOf({ ...torchrun, ...change })).toThrow(message);
});

test("the first host of any list that Slurm writes", () => {
  expect(firstHost("a")).toBe("a");
  expect(firstHost("a,b[1-3]")).toBe("a");
  expect(firstHost("n[7,9-12].cluster")).toBe("n7");
  expect(firstHost("")).toBeUndefined();
  fc.assert(
    fc.property(
      fc.stringMatching(/^[a-z]{1,5}$/),
      fc.array(fc.integer({ min: 0, max: 999 }), { minLength: 1, maxLength: 4 }),
      (name, numbers) => {
        const padded = numbers.map((number) => String(number).padStart(3, "0"));
        expect(firstHost(`${name}[${padded.join(",")}]`)).toBe(name + padded[0]);
      },
    ),
  );
});
