import { describe, expect, vi } from "vitest";
import { test } from "../../testing/fixtures.js";
import { Interrupted } from "./error-text.js";
import { trainSignals } from "./train-signals.js";

function listening() {
  const signals = trainSignals();
  return { signals, send: (signal: NodeJS.Signals) => process.emit(signal, signal) };
}

describe("a training run", () => {
  test("is ended at once by the first signal while its data is being read: there is nothing to save", () => {
    const { signals, send } = listening();
    send("SIGINT");
    signals.close();
    expect(signals.signal.reason).toEqual(new Interrupted("SIGINT"));
  });

  test("saves after its step at the first signal, and ends at once at the second", ({ output }) => {
    const { signals, send } = listening();
    signals.started();
    send("SIGUSR1");
    expect(signals.requests).toEqual({ save: true, stop: false });
    send("SIGTERM");
    expect(signals.requests.stop).toBe(true);
    expect(signals.signal.aborted).toBe(false);
    expect(output.stderr).toMatch(/SIGTERM: saving a checkpoint after this step; once more ends/);
    send("SIGINT");
    signals.close();
    expect(signals.signal.aborted).toBe(true);
    expect(signals.received()).toBe("SIGINT");
  });

  test("is asked for nothing any more when it has been closed", () => {
    const { signals } = listening();
    signals.close();
    const heard = vi.fn();
    process.once("SIGUSR1", heard);
    process.emit("SIGUSR1", "SIGUSR1");
    expect(heard).toHaveBeenCalled();
    expect(signals.requests.save).toBe(false);
  });
});
