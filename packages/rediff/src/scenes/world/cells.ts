/** Where a picture's objects stand, and which of them is on which patch. */

/** [left, top, width, height] in pixels. */
export type Box = readonly [number, number, number, number];

export interface Layout {
  /** Pixels along a side of the picture. */
  size: number;
  /** Of every single object, one list for each group of the facts. */
  boxes: readonly (readonly Box[])[];
}

/** For each of `side` x `side` patches, row by row, the group that covers its middle (of two the one in front), or -1. */
export function groupsOnPatches({ size, boxes }: Layout, side: number): number[] {
  const middle = (index: number) => ((index + 0.5) * size) / side;
  return Array.from({ length: side * side }, (_, patch) => {
    const [x, y] = [middle(patch % side), middle(Math.floor(patch / side))];
    const covers = ([left, top, width, height]: Box) => x >= left && x < left + width && y >= top && y < top + height;
    return boxes.findLastIndex((own) => own.some(covers));
  });
}
