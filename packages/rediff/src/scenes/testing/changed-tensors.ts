import { openCheckpoint } from "@rediff/torch";

/** Names of the tensors in which two model folders differ. */
export function changedTensors(one: string, other: string): string[] {
  using a = openCheckpoint(one);
  using b = openCheckpoint(other);
  const numbers = (checkpoint: typeof a, name: string) => {
    using tensor = checkpoint.get(name);
    return String(tensor.toNumbers());
  };
  return a.names().filter((name) => numbers(a, name) !== numbers(b, name));
}
