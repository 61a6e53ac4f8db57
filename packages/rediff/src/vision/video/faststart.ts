/** MP4 and MOV files for reading from front to back, as from a pipe: the index (`moov`) in front of the data (`mdat`).
 *
 *  Cameras write it behind. It holds where in the file each chunk of samples begins (`stco`, `co64`), which moves by its
 *  own size. ISO/IEC 14496-12, 8.2 and 8.7.5. Anything unusual is left as it is: ffmpeg says what it thinks of it. */

interface Box {
  type: string;
  start: number;
  /** Where its content begins. */
  body: number;
  end: number;
}

/** The same bytes when nothing has to move. */
export function movieIndexFirst(bytes: Uint8Array): Uint8Array {
  const boxes = readBoxes(bytes, 0, bytes.length);
  const [first] = boxes;
  const index = boxes.find(({ type }) => type === "moov");
  const data = boxes.find(({ type }) => type === "mdat");
  if (first?.type !== "ftyp" || index === undefined || data === undefined || index.start < data.start) return bytes;

  const moved = bytes.slice(index.start, index.end);
  const isBetween = (offset: number) => offset >= data.start && offset < index.start;
  for (const table of offsetTables(moved)) moveOffsets(moved, table, isBetween, moved.length);
  const parts = [
    bytes.subarray(0, data.start),
    moved,
    bytes.subarray(data.start, index.start),
    bytes.subarray(index.end),
  ];
  return Buffer.concat(parts);
}

/** Boxes side by side in [from, to), up to the first that makes no sense. */
function readBoxes(bytes: Uint8Array, from: number, to: number): Box[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const boxes: Box[] = [];
  let start = from;
  while (start + 8 <= to) {
    const type = String.fromCharCode(...bytes.subarray(start + 4, start + 8));
    let size = view.getUint32(start);
    let body = start + 8;
    if (size === 1 && start + 16 <= to) {
      size = Number(view.getBigUint64(start + 8));
      body = start + 16;
    } else if (size === 0) size = to - start;
    const end = start + size;
    if (end < body || end > to) break;
    boxes.push({ type, start, body, end });
    start = end;
  }
  return boxes;
}

/** From the outside to the tables; a box of another place is none of them. */
const CONTAINERS = ["moov", "trak", "mdia", "minf", "stbl"];

function offsetTables(bytes: Uint8Array, from = 0, to = bytes.length, depth = 0): Box[] {
  return readBoxes(bytes, from, to).flatMap((box) => {
    if (depth === CONTAINERS.length && (box.type === "stco" || box.type === "co64")) return [box];
    return box.type === CONTAINERS[depth] ? offsetTables(bytes, box.body, box.end, depth + 1) : [];
  });
}

/** Version and flags, the number of entries, the entries. */
function moveOffsets(bytes: Uint8Array, table: Box, moves: (offset: number) => boolean, by: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = table.type === "stco" ? 4 : 8;
  const first = table.body + 8;
  for (let at = first; at + width <= table.end; at += width) {
    const offset = width === 4 ? view.getUint32(at) : Number(view.getBigUint64(at));
    if (!moves(offset)) continue;
    if (width === 4) view.setUint32(at, offset + by);
    else view.setBigUint64(at, BigInt(offset + by));
  }
}
