/** Small files of torch.save, byte by byte, so that tests can have them claim what no tool would write. */
import { crc32 } from "node:zlib";

export interface StoredMember {
  name: string;
  data: Buffer;
  /** What the directory says in place of the truth. */
  claims?: { size?: number; packed?: number; offset?: number; method?: number; flags?: number; crc?: number };
}

/** A zip file of stored members. @param claims how many members the directory says it has, and where it begins */
export function storedZip(members: readonly StoredMember[], claims: { count?: number; start?: number } = {}): Buffer {
  const parts: Buffer[] = [];
  const entries: Buffer[] = [];
  let offset = 0;
  for (const { name, data, claims: told = {} } of members) {
    const text = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(told.flags ?? 0, 2);
    common.writeUInt16LE(told.method ?? 0, 4);
    common.writeUInt32LE(told.crc ?? crc32(data), 10);
    common.writeUInt32LE(told.packed ?? told.size ?? data.length, 14);
    common.writeUInt32LE(told.size ?? data.length, 18);
    common.writeUInt16LE(text.length, 22);
    parts.push(Buffer.from("PK\x03\x04"), common, text, data);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(told.offset ?? offset, 10);
    entries.push(Buffer.from("PK\x01\x02\0\0"), common, tail, text);
    offset += 30 + text.length + data.length;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06");
  end.writeUInt16LE(claims.count ?? members.length, 8);
  end.writeUInt16LE(claims.count ?? members.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(claims.start ?? offset, 16);
  return Buffer.concat([...parts, directory, end]);
}

/** Instructions of protocol 4, as a latin1 text. */
export const pickled = {
  text: (text: string) => `\x8c${String.fromCharCode(text.length)}${text}`,
  longText: (text: string) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    return `X${length.toString("latin1")}${text}`;
  },
  int: (value: number) => {
    if (Math.abs(value) >= 2 ** 31) {
      const wide = Buffer.alloc(6);
      wide.writeIntLE(value, 0, 6);
      return `\x8a\x06${wide.toString("latin1")}`;
    }
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    return `J${bytes.toString("latin1")}`;
  },
  float: (value: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    return `G${bytes.toString("latin1")}`;
  },
  tuple: (parts: readonly string[]) => `(${parts.join("")}t`,
  global: (module: string, name: string) => `${pickled.text(module)}${pickled.text(name)}\x93`,
};

export interface PickledTensor {
  /** Instructions. */
  elements: string;
  offset: string;
  shape: readonly string[];
  stride: readonly string[];
  type: string;
  key: string;
}

/** Instructions that rebuild a tensor; without more said, four float32 in a square. */
export function pickledTensor(change: Partial<PickledTensor> = {}): string {
  const { int, text, tuple, global } = pickled;
  const { elements = int(4), offset = int(0), type = "FloatStorage", key = "0" } = change;
  const { shape = [int(2), int(2)], stride = [int(2), int(1)] } = change;
  const storage = `${tuple([text("storage"), global("torch", type), text(key), text("cpu"), elements])}Q`;
  const args = [storage, offset, tuple(shape), tuple(stride)];
  return `${global("torch._utils", "_rebuild_tensor_v2")}${tuple(args)}R`;
}

/** A pickle of a dictionary. @param entries instructions that push key after value */
export const pickledDictionary = (entries: string): Buffer =>
  Buffer.from(`\x80\x04\x95${"\0".repeat(8)}}\x94${entries}.`, "latin1");

/** A file with a pickle and one storage of four times 7. */
export function torchFile(pickle: Buffer, data: Buffer = Buffer.from(new Float32Array(4).fill(7).buffer)): Buffer {
  return storedZip([
    { name: "x/data.pkl", data: pickle },
    { name: "x/data/0", data },
  ]);
}
