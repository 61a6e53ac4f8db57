/** What goes into a call of an operator beside tensors: its id, and a memory format. */
import { native } from "./native.js";

const ids = new Map<string, number>();

/** The native id of "aten::add.Tensor". */
export function operatorId(name: string): number {
  let id = ids.get(name);
  if (id === undefined) {
    const dot = name.indexOf(".", name.indexOf("::"));
    id = dot < 0 ? native.resolve(name, "") : native.resolve(name.slice(0, dot), name.slice(dot + 1));
    ids.set(name, id);
  }
  return id;
}

export type MemoryFormat = "contiguous" | "preserve" | "channels_last";

const MEMORY_FORMATS: Record<MemoryFormat, number> = { contiguous: 0, preserve: 1, channels_last: 2 };

export function memoryFormatCode(format: MemoryFormat | undefined): number | undefined {
  return format === undefined ? undefined : MEMORY_FORMATS[format];
}
