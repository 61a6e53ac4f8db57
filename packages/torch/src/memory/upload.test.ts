/** Whether uploads go by way of pinned memory is found out once, and not from what passes. */
import { beforeEach, expect, test, vi } from "vitest";
import { type Device, memory } from "../index.js";
import { pinsUploads } from "./upload.js";

/** What pinning is refused with. */
const refusing = vi.hoisted(() => ({ reason: undefined as string | undefined, kind: "apart" }));

vi.mock(import("../device.js"), async (original) => ({
  ...(await original()),
  addedName: () => refusing.kind,
  usableDevice: (device) => device,
}));
vi.mock(import("../operator.js"), async (original) => {
  const real = await original();
  const operatorId: typeof real.operatorId = (name) => {
    if (name === "aten::_pin_memory" && refusing.reason !== undefined) throw new Error(refusing.reason);
    return real.operatorId(name);
  };
  return { ...real, operatorId };
});

beforeEach(() => {
  refusing.reason = undefined;
});

test("a backend without pinned memory has uploads as they are, and is asked once", () => {
  const atStart = memory();
  refusing.kind = "without";
  refusing.reason = "Backend doesn't support getPinnedMemoryAllocator()";
  expect(pinsUploads("without:0" as Device)).toBe(false);
  refusing.reason = "out of memory";
  expect(pinsUploads("without:1" as Device)).toBe(false);
  expect(memory()).toEqual(atStart);
});

test("memory that ran out is an error, and the next upload asks again", () => {
  const atStart = memory();
  refusing.kind = "busy";
  refusing.reason = "CUDA error: out of memory";
  for (let i = 0; i < 2; i++)
    expect(() => pinsUploads("busy:0" as Device)).toThrow(
      "it could not be found out whether busy:0 has pinned memory: CUDA error: out of memory. Try again",
    );
  refusing.reason = "You should register `PrivateUse1HooksInterface`by `RegisterPrivateUse1HooksInterface` ...";
  expect(pinsUploads("busy:0" as Device)).toBe(false);
  expect(memory()).toEqual(atStart);
});

test("CUDA has it, and Metal needs none: neither is asked", () => {
  refusing.reason = "must not be asked";
  expect(pinsUploads("cuda:0")).toBe(true);
  expect(pinsUploads("mps")).toBe(false);
});
