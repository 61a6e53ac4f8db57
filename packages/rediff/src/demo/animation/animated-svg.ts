/** An animated SVG of an answer that comes about: the picture, the canvas of tokens, what each step wrote and replaced.
 *
 *  It moves by CSS alone, so that it also moves where a page shows it as an image. Every token has the room that the
 *  longest of its words needs, in characters of equal width, and texts are stretched to it: no font decides the layout.
 *  Without animations, or where people want none, the last step is seen. */
import { printable } from "../../printable.js";
import type { AnimationFrames, FrameToken } from "./trace-frames.js";

export interface AnimationOptions {
  /** data: URL. */
  picture: string;
  /** What was asked, and how. */
  title: string;
  /** Of a step, and of the last one before all begins again; seconds. */
  pace?: number;
  rest?: number;
}

const [WIDTH, SIDE, MARGIN] = [880, 232, 20];
/** Of a character, and of a row of tokens. */
const [CHARACTER, ROW, HEIGHT] = [8.4, 46, 26];
const GAP = 6;
const END = "<|eot_id|>";

interface Place {
  x: number;
  y: number;
  width: number;
}

export function animatedSvg(
  { frames: steps }: AnimationFrames,
  { picture, title, pace = 1.4, rest = 4 }: AnimationOptions,
): string {
  // At the end once more, without marks.
  const frames = [...steps, (steps.at(-1) ?? []).map(unmarked)];
  const places = placed(frames);
  const bottom = Math.max(...places.map(({ y }) => y + HEIGHT), MARGIN + 40);
  const height = Math.max(bottom + 54, SIDE + 2 * MARGIN + 30);
  const last = frames.length - 1;
  const seconds = frames.map((_, i) => (i === last ? rest : pace));
  const total = seconds.reduce((sum, part) => sum + part, 0);
  const ends = seconds.map((_, i) => percent(seconds.slice(0, i + 1).reduce((sum, part) => sum + part, 0) / total));
  const keyframes = frames.map((_, i) => {
    const before = i === 0 ? "" : "0%{visibility:hidden}";
    const behind = i === last ? "" : `${ends[i]}%{visibility:hidden}`;
    return `@keyframes f${i}{${before}${ends[i - 1] ?? 0}%{visibility:visible}${behind}}`;
  });
  const shown = frames.map((frame, i) => {
    const label = labelled(i === last ? summary(steps) : `step ${i} of ${last - 1}: ${changes(frame, i)}`, height);
    const boxes = frame.map((token, position) => tokenBox(token, places[position] as Place));
    const bar = progressBar(Math.min(1, i / (last - 1)), height);
    return `<g class="f${i === last ? " last" : ""}" style="animation-name:f${i}">${bar}${label}${boxes.join("")}</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>
${style(total)}
${keyframes.join("\n")}
</style>
${patterns}
<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="12"/>
<image href="${picture}" x="${MARGIN}" y="${MARGIN}" width="${SIDE}" height="${SIDE}" style="image-rendering:auto"/>
<rect class="frame" x="${MARGIN}" y="${MARGIN}" width="${SIDE}" height="${SIDE}" rx="4"/>
<text class="title" x="${LEFT}" y="${MARGIN + 13}">${escaped(title)}</text>
${legend(height)}
${shown.join("\n")}
</svg>
`;
}

const LEFT = MARGIN + SIDE + 28;

/** Where each position stands, whatever stands there. */
function placed(frames: AnimationFrames["frames"]): Place[] {
  const count = frames[0]?.length ?? 0;
  let [x, y] = [LEFT, MARGIN + 40];
  return Array.from({ length: count }, (_, position) => {
    const longest = Math.max(2, ...frames.map((frame) => shownText(frame[position]).length));
    const width = longest * CHARACTER + 10;
    if (x + width > WIDTH - MARGIN) [x, y] = [LEFT, y + ROW];
    const place = { x, y, width };
    x += width + GAP;
    return place;
  });
}

const shownText = (token: FrameToken | undefined): string =>
  token?.text === undefined ? "" : token.text === END ? "end" : printable(token.text);

function tokenBox(token: FrameToken, { x, y, width }: Place): string {
  const text = shownText(token);
  const kind = token.text === undefined ? "mask" : token.mark;
  const box = `<rect class="${kind}" x="${round(x)}" y="${y}" width="${round(width)}" height="${HEIGHT}" rx="4"/>`;
  const dim = token.isBehind ? ` opacity="0.35"` : "";
  if (token.text === undefined) return token.isBehind ? `<g${dim}>${box}</g>` : box;
  const middle = round(x + width / 2);
  const word = `<text class="word" x="${middle}" y="${y + 18}" textLength="${round(text.length * CHARACTER)}">${escaped(text)}</text>`;
  const was =
    token.was === undefined
      ? ""
      : `<text class="was" x="${middle}" y="${y - 4}" text-decoration="line-through">${escaped(token.was)}</text>`;
  return `<g${dim}>${box}${word}${was}</g>`;
}

const unmarked = ({ text, isBehind }: FrameToken): FrameToken => ({ text, isBehind, mark: "kept" });

const countOf = (frame: readonly FrameToken[], mark: FrameToken["mark"]): number =>
  frame.filter((token) => token.mark === mark && !token.isBehind).length;

function changes(frame: readonly FrameToken[], step: number): string {
  if (step === 0) return "nothing is written yet";
  const [written, replaced] = [countOf(frame, "new"), countOf(frame, "replaced")];
  const said = [written > 0 ? `${written} new` : "", replaced > 0 ? `${replaced} replaced` : ""].filter(Boolean);
  return said.length === 0 ? "nothing changes" : said.join(", ");
}

function summary(steps: AnimationFrames["frames"]): string {
  const tokens = steps.at(-1)?.filter(({ isBehind }) => !isBehind).length ?? 0;
  const replaced = steps.reduce((sum, frame) => sum + countOf(frame, "replaced"), 0);
  return `${tokens} tokens in ${steps.length - 1} steps, ${replaced} replaced`;
}

const progressBar = (share: number, height: number): string =>
  ["bar", "done"]
    .map((kind, i) => {
      const width = round(SIDE * (i === 0 ? 1 : share));
      return `<rect class="${kind}" x="${MARGIN}" y="${height - 46}" width="${width}" height="4" rx="2"/>`;
    })
    .join("");

const labelled = (text: string, height: number): string =>
  `<text class="step" x="${MARGIN}" y="${height - 22}">${text}</text>`;

function legend(height: number): string {
  const y = height - 34;
  const parts = [
    ["mask", "mask", 84],
    ["new", "written in this step", 176],
    ["replaced", "replaced in this step", 180],
  ] as const;
  let x = LEFT;
  return parts
    .map(([kind, text, width]) => {
      const part = `<rect class="${kind}" x="${x}" y="${y}" width="22" height="16" rx="3"/><text class="small" x="${x + 29}" y="${y + 12.5}">${text}</text>`;
      x += width;
      return part;
    })
    .join("");
}

const patterns = `<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatched" width="6" height="6"/><rect class="line" width="2" height="6"/></pattern></defs>`;

function style(total: number): string {
  return `text{font-family:ui-sans-serif,system-ui,sans-serif;fill:#1d2733}
.word{font:14px ui-monospace,monospace;text-anchor:middle}
.was{font:11px ui-monospace,monospace;text-anchor:middle;fill:#b4420a}
.title{font-size:14px;font-weight:600}.step{font-size:13px}.small{font-size:12px;fill:#5b6673}
.card{fill:#ffffff;stroke:#d5dbe1}.frame{fill:none;stroke:#d5dbe1}
.mask{fill:url(#hatch);stroke:#cdd4db}.hatched{fill:#f1f4f6}.line{fill:#dfe4e9}
.kept{fill:#f1f4f6;stroke:#d5dbe1}.new{fill:#cfe8d5;stroke:#4e9a63}.replaced{fill:#ffd9b8;stroke:#d9722b;stroke-width:2}
.bar{fill:#e3e8ec}.done{fill:#4e7fb0}
.f{visibility:hidden;animation-duration:${round(total)}s;animation-iteration-count:infinite;animation-timing-function:step-end}
.last{visibility:visible}
@media (prefers-reduced-motion:reduce){.f{animation:none!important}}
@media (prefers-color-scheme:dark){text{fill:#e4e9ee}.small{fill:#9aa7b4}.was{fill:#f0a05f}
.card{fill:#12181f;stroke:#2c3742}.frame{stroke:#2c3742}.hatched{fill:#1b232c}.line{fill:#28323d}.mask{stroke:#35414d}
.kept{fill:#1f2933;stroke:#35414d}.new{fill:#1d4a2b;stroke:#58a86e}.replaced{fill:#6a3510;stroke:#e8894a}.bar{fill:#28323d}.done{fill:#6ea3d8}}`;
}

const percent = (share: number): number => Number((100 * share).toFixed(3));
const round = (value: number): number => Number(value.toFixed(1));

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign] ?? sign);
