/** Dragging a sticker onto the board with a mouse, pen or finger. A press that hardly moves stays a click. */

const SLACK = 6;

/** @param onDrop gets the cell under the pointer when it is let go over one */
export function startDrag(
  down: PointerEvent,
  board: HTMLElement | null,
  ghostUrl: () => Promise<string>,
  onDrop: (cell: number) => void,
): void {
  // A finger on the palette scrolls it; tapping places a sticker too.
  if (down.button !== 0 || down.pointerType === "touch") return;
  let ghost: HTMLImageElement | undefined;
  let over: Element | undefined;
  const cellAt = ({ clientX, clientY }: PointerEvent) =>
    document.elementFromPoint(clientX, clientY)?.closest("[data-cell]") ?? undefined;

  const onMove = (event: PointerEvent) => {
    if (ghost === undefined && Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) < SLACK) return;
    ghost ??= makeGhost(ghostUrl);
    ghost.style.transform = `translate(${event.clientX}px, ${event.clientY}px) translate(-50%, -50%)`;
    board?.classList.add("receiving");
    over?.classList.remove("over");
    over = cellAt(event);
    over?.classList.add("over");
  };
  const onUp = (event: PointerEvent) => {
    const cell = ghost === undefined ? undefined : cellAt(event)?.getAttribute("data-cell");
    finish();
    if (cell !== undefined && cell !== null) onDrop(Number(cell));
  };
  const finish = () => {
    window.removeEventListener("pointermove", onMove);
    window.removeEventListener("pointerup", onUp);
    window.removeEventListener("pointercancel", finish);
    board?.classList.remove("receiving");
    over?.classList.remove("over");
    ghost?.remove();
  };
  window.addEventListener("pointermove", onMove);
  window.addEventListener("pointerup", onUp);
  window.addEventListener("pointercancel", finish);
}

function makeGhost(url: () => Promise<string>): HTMLImageElement {
  const ghost = document.createElement("img");
  ghost.className = "ghost";
  ghost.alt = "";
  document.body.append(ghost);
  url().then(
    (source) => {
      ghost.src = source;
    },
    () => ghost.remove(),
  );
  return ghost;
}
