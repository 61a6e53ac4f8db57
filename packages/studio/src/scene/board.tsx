/** The scene at a size for eyes, with a button over each cell. */
import { useEffect, useRef } from "preact/hooks";
import { announce, noteProblem, patch, useApp, useSelect } from "../app/app.js";
import { changeScene } from "../picture/picture-actions.js";
import { isArrow } from "../ui/roving.js";
import { startDrag } from "./drag.js";
import { drawScene, spritesOf } from "./draw.js";
import { type Catalog, type Count, clear, counts, describeCell, move, type Scene, setCount, setSize } from "./scene.js";

/** Pixels along a side of the board's canvas: enough for fine screens. */
const RESOLUTION = 768;

export function Board({ catalog, scene }: { catalog: Catalog; scene: Scene }) {
  const app = useApp();
  const cell = useSelect((state) => state.picture.cell);
  const canvas = useCanvas(catalog, scene);
  const board = useRef<HTMLFieldSetElement>(null);
  const columns = Math.round(Math.sqrt(scene.cells.length)) || 1;

  const choose = (to: number, focus = false) => {
    patch(app, "picture", { cell: to });
    if (focus) board.current?.querySelector<HTMLElement>(`[data-cell="${to}"]`)?.focus();
  };
  const moveGroup = (from: number, to: number) => {
    changeScene(app, (old) => move(old, from, to));
    choose(to, true);
    announce(app, `Moved to ${catalog.positions[to]}.`);
  };
  const onKeyDown = (event: KeyboardEvent, at: number) => {
    const { key, shiftKey } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (isArrow(key)) {
      const to = neighbour(at, key, columns, scene.cells.length);
      if (shiftKey && scene.cells[at] !== undefined) moveGroup(at, to);
      else choose(to, true);
    } else if (counts.some((count) => String(count) === key)) {
      changeScene(app, (old) => setCount(old, at, Number(key) as Count));
    } else if (/^[sl]$/i.test(key)) {
      changeScene(app, (old) => setSize(old, at, key.toLowerCase() === "s" ? "small" : "large"));
    } else if (key === "Delete" || key === "Backspace") {
      changeScene(app, (old) => clear(old, at));
    } else return;
    event.preventDefault();
  };

  return (
    <fieldset class="board" aria-label="Scene" ref={board}>
      <canvas ref={canvas} width={RESOLUTION} height={RESOLUTION} />
      <div class="cells" style={{ "--columns": String(columns) }}>
        {scene.cells.map((group, i) => (
          <button
            key={i}
            type="button"
            data-cell={i}
            class={group === undefined ? "cell empty" : "cell"}
            aria-label={`${catalog.positions[i]}: ${describeCell(group)}`}
            aria-pressed={i === cell}
            tabIndex={i === cell ? 0 : -1}
            onClick={() => choose(i)}
            onKeyDown={(event) => onKeyDown(event, i)}
            onPointerDown={(event) => {
              if (group === undefined) return;
              startDrag(
                event,
                board.current,
                async () => await app.sprites.url(scene.style, group.icon),
                (to) => moveGroup(i, to),
              );
            }}
          />
        ))}
      </div>
    </fieldset>
  );
}

function neighbour(at: number, key: string, columns: number, count: number): number {
  const column = at % columns;
  const to = {
    ArrowLeft: column > 0 ? at - 1 : at,
    ArrowRight: column < columns - 1 ? at + 1 : at,
    ArrowUp: at - columns,
    ArrowDown: at + columns,
  }[key];
  return to === undefined || to < 0 || to >= count ? at : to;
}

/** Draws whenever the scene is another; of two changes the later one is drawn last. */
function useCanvas(catalog: Catalog, scene: Scene) {
  const app = useApp();
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let current = true;
    const draw = async () => {
      try {
        const drawings = await spritesOf(scene, app.sprites);
        const context = canvas.current?.getContext("2d");
        if (current && context) drawScene(context, RESOLUTION, scene, catalog, drawings);
      } catch (thrown) {
        patch(app, "picture", { problem: noteProblem(app, thrown) });
      }
    };
    void draw();
    return () => {
      current = false;
    };
  }, [app, catalog, scene]);
  return canvas;
}
