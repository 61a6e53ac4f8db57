/** One stop of the tab key for a group of buttons; arrow keys move inside of it, by where the buttons stand. */
import { useRef, useState } from "preact/hooks";

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

export type Arrow = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";

/** Left and right follow the order; up and down go to the nearest in the next row, if there is one. */
export function nextIndex(boxes: readonly Box[], from: number, key: Arrow): number {
  const here = boxes[from];
  if (here === undefined) return 0;
  if (key === "ArrowLeft") return Math.max(0, from - 1);
  if (key === "ArrowRight") return Math.min(boxes.length - 1, from + 1);
  const sign = key === "ArrowUp" ? -1 : 1;
  const x = (box: Box) => box.left + box.width / 2;
  const y = (box: Box) => box.top + box.height / 2;
  let best = from;
  let nearest = Number.POSITIVE_INFINITY;
  for (const [i, box] of boxes.entries()) {
    const down = (y(box) - y(here)) * sign;
    if (down < Math.max(4, here.height / 2)) continue;
    const distance = down * 8 + Math.abs(x(box) - x(here)); // rows first, then the nearest in the row
    if (distance < nearest) [best, nearest] = [i, distance];
  }
  return best;
}

/** @param onMove called when the keys reach another button */
export function useRoving(count: number, onMove?: (index: number) => void) {
  const [current, setCurrent] = useState(0);
  const container = useRef<HTMLDivElement>(null);
  const active = Math.min(current, Math.max(0, count - 1));
  const buttons = () => [...(container.current?.querySelectorAll<HTMLElement>("[data-roving]") ?? [])];
  return {
    active,
    container,
    tabIndex: (index: number) => (index === active ? 0 : -1),
    onFocus: (index: number) => setCurrent(index),
    onKeyDown(event: KeyboardEvent) {
      const all = buttons();
      const from = all.indexOf(document.activeElement as HTMLElement);
      if (from < 0) return;
      const boxes = all.map((button) => button.getBoundingClientRect());
      const target =
        event.key === "Home"
          ? 0
          : event.key === "End"
            ? all.length - 1
            : isArrow(event.key)
              ? nextIndex(boxes, from, event.key)
              : from;
      if (target === from && event.key !== "Home" && event.key !== "End") {
        if (isArrow(event.key)) event.preventDefault(); // the page does not scroll at the edge either
        return;
      }
      event.preventDefault();
      setCurrent(target);
      onMove?.(target);
      all[target]?.focus();
    },
  };
}

export function isArrow(key: string): key is Arrow {
  return key === "ArrowLeft" || key === "ArrowRight" || key === "ArrowUp" || key === "ArrowDown";
}
