/** One frame of an exported animation: the runs beside each other after so many passes, drawn as the page shows them. */
import { type Cell, cellsAt, figuresAt, isSpecial } from "../trace/trace.js";
import type { PlayedFile } from "./played-file.js";

const COLUMN = 470;
const MARGIN = 20;
const HEAD = 84;
const ROW = 34;
const GAP = 6;
const FOOT = 40;

/** Of the light page. */
const colors = {
  page: "#ffffff",
  ink: "#1d2026",
  soft: "#585d66",
  line: "#e3e3dd",
  mask: "#d9dade",
  stripe: "#c6c8ce",
  fill: "#3f74e0",
  revise: "#f08a24",
};

const font = (weight: number, size: number) =>
  `${weight} ${size}px "Inter Variable", ui-sans-serif, system-ui, sans-serif`;

export interface FrameSize {
  width: number;
  height: number;
}

/** With room for every pass of `passes`: words are wider than masks. */
export function frameSize(context: CanvasRenderingContext2D, file: PlayedFile, passes: readonly number[]): FrameSize {
  const heights = file.runs.flatMap(({ trace }) =>
    passes.map((pass) => (placed(context, cellsAt(trace, pass)).at(-1)?.y ?? 0) + ROW),
  );
  return { width: MARGIN + file.runs.length * (COLUMN + MARGIN), height: HEAD + Math.max(ROW, ...heights) + FOOT };
}

export function drawFrame(
  context: CanvasRenderingContext2D,
  file: PlayedFile,
  { width, height }: FrameSize,
  pass: number,
): void {
  context.fillStyle = colors.page;
  context.fillRect(0, 0, width, height);
  context.textBaseline = "alphabetic";
  write(context, file.prompt, MARGIN, 30, width - 2 * MARGIN, font(600, 17), colors.ink);
  for (const [i, { title, trace }] of file.runs.entries()) {
    const left = MARGIN + i * (COLUMN + MARGIN);
    write(context, title, left, 62, COLUMN, font(600, 14), colors.soft);
    const passes = Math.min(pass, trace.steps.length);
    for (const { cell, x, y, width: side, text } of placed(context, cellsAt(trace, passes))) {
      drawCell(context, cell, { x: left + x, y: HEAD + y, side, text, isNew: cell.writtenAt === passes - 1 });
    }
    const { revisions } = figuresAt(trace, passes);
    const figures = `step ${passes} of ${trace.steps.length}, ${revisions} edits`;
    write(context, figures, left, height - 16, COLUMN, font(400, 13), colors.soft);
  }
}

function write(
  context: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  room: number,
  style: string,
  color: string,
) {
  context.font = style;
  context.fillStyle = color;
  let shown = text;
  while (shown.length > 1 && context.measureText(shown).width > room) shown = `${shown.slice(0, -2).trimEnd()}\u2026`;
  context.fillText(shown, x, y);
}

interface Placed {
  cell: Cell;
  x: number;
  y: number;
  width: number;
  text: string;
}

/** Row by row, as words are. */
function placed(context: CanvasRenderingContext2D, cells: readonly Cell[]): Placed[] {
  context.font = font(500, 15);
  const end = cells.findIndex(({ kind, token }) => kind !== "mask" && isSpecial(token));
  let [x, y] = [0, 0];
  return cells.map((cell) => {
    const isAfter = end >= 0 && cell.position > end;
    const text = cell.kind === "mask" || isAfter ? "" : isSpecial(cell.token) ? "end" : cell.token.trim();
    const width = isAfter ? 8 : text === "" ? 32 : Math.min(COLUMN, Math.ceil(context.measureText(text).width) + 12);
    if (x > 0 && x + width > COLUMN) [x, y] = [0, y + ROW];
    const at = { cell, x, y, width, text };
    x += width + GAP;
    return at;
  });
}

function drawCell(
  context: CanvasRenderingContext2D,
  { kind, confidence }: Cell,
  { x, y, side, text, isNew }: { x: number; y: number; side: number; text: string; isNew: boolean },
) {
  const height = ROW - GAP;
  if (kind === "mask") {
    context.fillStyle = colors.mask;
    context.fillRect(x, y, side, height);
    context.fillStyle = colors.stripe;
    for (let at = 2; at < side - 2; at += 8) context.fillRect(x + at, y, 3, height);
    return;
  }
  const color = kind === "revise" ? colors.revise : colors.fill;
  context.globalAlpha = kind === "given" ? 0 : confidence * (kind === "revise" ? 0.42 : 0.3);
  context.fillStyle = color;
  context.fillRect(x, y, side, height);
  context.globalAlpha = 1;
  const line = kind === "revise" ? 3 : kind === "fill" ? 1 : 0;
  context.fillRect(x, y + height - line, side, line);
  if (isNew) {
    context.strokeStyle = color;
    context.strokeRect(x + 0.5, y + 0.5, side - 1, height - 1);
  }
  context.font = font(kind === "revise" ? 600 : 500, 15);
  context.fillStyle = colors.ink;
  context.fillText(text, x + 6, y + 19, side - 8);
}
