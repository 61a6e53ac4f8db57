/** Lines of a chart in Braille signs: a sign has two dots beside each other and four above each other, so a chart of 60 by 8
 *  signs tells 120 places from each other and 32 heights. */

export interface Point {
  x: number;
  y: number;
}

export interface ChartArea {
  /** Signs beside and above each other. */
  columns: number;
  rows: number;
  /** What lies at the edges: the first below or at the left. */
  x: readonly [number, number];
  y: readonly [number, number];
}

/** A place of the chart. */
export interface Cell {
  sign: string;
  /** The last line that goes through it. */
  line: number | undefined;
}

const EMPTY = 0x2800;
/** By row, from above, then by column. */
const DOTS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;

/** Rows from above. Points of a line are in the order of x; those with a height that is no finite number are passed over. */
export function lineChart(lines: readonly (readonly Point[])[], area: ChartArea): Cell[][] {
  const [width, height] = [2 * area.columns, 4 * area.rows];
  const bits = Array.from({ length: area.rows }, () => new Uint8Array(area.columns));
  const owners = Array.from({ length: area.rows }, () => new Array<number | undefined>(area.columns));
  const place = (value: number, [low, high]: readonly [number, number], most: number) =>
    high > low ? Math.min(most, Math.max(0, Math.round(((value - low) / (high - low)) * most))) : Math.floor(most / 2);
  for (const [line, points] of lines.entries()) {
    const dot = (x: number, y: number) => {
      const [row, column] = [y >> 2, x >> 1];
      const signs = bits[row];
      const lineOf = owners[row];
      if (signs === undefined || lineOf === undefined) return;
      signs[column] = (signs[column] ?? 0) | (DOTS[y & 3]?.[x & 1] ?? 0);
      lineOf[column] = line;
    };
    let before: Point | undefined;
    for (const { x, y } of points) {
      if (!Number.isFinite(y)) continue;
      const now = { x: place(x, area.x, width - 1), y: height - 1 - place(y, area.y, height - 1) };
      connect(before ?? now, now, dot);
      before = now;
    }
  }
  return bits.map((signs, row) =>
    Array.from(signs, (sign, column) => ({
      sign: sign === 0 ? " " : String.fromCharCode(EMPTY + sign),
      line: owners[row]?.[column],
    })),
  );
}

/** The dots of a straight line, both ends included. */
function connect(from: Point, to: Point, dot: (x: number, y: number) => void): void {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const steps = Math.max(Math.abs(dx), Math.abs(dy), 1);
  for (let i = 0; i <= steps; i++) dot(Math.round(from.x + (dx * i) / steps), Math.round(from.y + (dy * i) / steps));
}
