/** The script of an exported page: plays a comparison without anything else. Bundled by vite.config.ts into one text, and
 *  written into the page together with the data that it reads (html-file.ts). */
import { type Cell, cellsAt, figuresAt, isSpecial, type Trace, textAt } from "../trace/trace.js";
import type { PlayedFile } from "./played-file.js";

const place = (id: string): HTMLElement => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page lacks #${id}`);
  return found;
};

// Written by the same hand as this script.
const file: PlayedFile = JSON.parse(place("data").textContent ?? "");
const length = Math.max(1, ...file.runs.map(({ trace }) => trace.steps.length));
const slider = place("step") as HTMLInputElement;
const button = place("play");
const speed = place("speed") as HTMLSelectElement;
let at = length;
let timer: number | undefined;

for (const [i, { trace }] of file.runs.entries()) {
  const canvas = place(`canvas-${i}`);
  canvas.replaceChildren(...Array.from({ length: trace.start.gen_length }, () => document.createElement("span")));
}
slider.max = String(length);
slider.addEventListener("input", () => {
  stop();
  show(slider.valueAsNumber);
});
button.addEventListener("click", () => {
  if (timer !== undefined) return stop();
  if (at >= length) show(0);
  play();
});
speed.addEventListener("change", () => {
  if (timer !== undefined) play();
});
if (matchMedia("(prefers-reduced-motion: reduce)").matches) show(length);
else {
  show(0);
  play();
}

function play() {
  clearInterval(timer);
  timer = window.setInterval(() => {
    if (at >= length) stop();
    else show(at + 1);
  }, 1000 / Number(speed.value));
  label();
}

function stop() {
  clearInterval(timer);
  timer = undefined;
  label();
}

function label() {
  button.textContent = timer === undefined ? "Play" : "Pause";
}

function show(to: number) {
  at = Math.max(0, Math.min(length, to));
  slider.value = String(at);
  place("at").textContent = `${at} / ${length}`;
  for (const [i, { trace }] of file.runs.entries()) {
    const passes = Math.min(at, trace.steps.length);
    draw(place(`canvas-${i}`), cellsAt(trace, passes), passes);
    place(`text-${i}`).textContent = textAt(trace, passes);
    place(`figures-${i}`).textContent = figuresText(trace, passes);
  }
}

function draw(canvas: HTMLElement, cells: readonly Cell[], passes: number) {
  const end = cells.findIndex(({ kind, token }) => kind !== "mask" && isSpecial(token));
  for (const [i, cell] of cells.entries()) {
    const span = canvas.children[i];
    if (!(span instanceof HTMLElement)) continue;
    const isAfter = end >= 0 && cell.position > end;
    const isNew = cell.writtenAt === passes - 1 && passes > 0;
    span.className = ["token", cell.kind, isAfter && "after", isNew && "new"].filter(Boolean).join(" ");
    span.style.setProperty("--shade", cell.confidence.toFixed(2));
    span.textContent = cell.kind === "mask" || isAfter ? "" : isSpecial(cell.token) ? "end" : cell.token.trim();
  }
}

function figuresText(trace: Trace, passes: number): string {
  const { revisions, seconds } = figuresAt(trace, passes);
  return `${passes} steps, ${seconds.toFixed(2)} s, ${revisions} edits`;
}
