/** A scene of stickers, put together by mouse, finger or keys. */

import { useEffect, useState } from "preact/hooks";
import { announce, patch, useApp, useSelect } from "../app/app.js";
import { SceneGallery } from "../gallery/scene-gallery.js";
import { answering } from "../models/answering.js";
import { changeScene } from "../picture/picture-actions.js";
import { Segmented, Select } from "../ui/controls.js";
import { Icon } from "../ui/icons.js";
import { Board } from "./board.js";
import { Palette } from "./palette.js";
import {
  type Catalog,
  clear,
  counts,
  emptyScene,
  kindsIn,
  place,
  randomScene,
  type Sticker,
  setCount,
  setSize,
} from "./scene.js";

export function Composer({ catalog }: { catalog: Catalog }) {
  const app = useApp();
  const { scene, cell } = useSelect((state) => state.picture);
  const side = useSelect((state) => answering(state)?.rediff.image_size);
  const narrow = useNarrow();
  const [unfolded, setUnfolded] = useState(false);
  if (scene === undefined) return null;
  const group = scene.cells[cell];
  const where = catalog.positions[cell] ?? "";
  const isFull = kindsIn(scene) >= catalog.most_kinds;
  const put = (sticker: Sticker, to = freeCell()) => {
    const isNew = scene.cells.every((other) => other?.icon !== sticker.icon);
    if (isFull && isNew && scene.cells[to] === undefined) {
      announce(app, `No more than ${catalog.most_kinds} kinds: empty a cell, or choose one to put it there.`);
      return;
    }
    changeScene(app, (old) => place(old, to, sticker, catalog));
    patch(app, "picture", { cell: to });
  };
  /** The chosen cell if it is empty, else another that is; where there are as many kinds as there may be, the chosen one. */
  function freeCell(): number {
    const cells = scene?.cells ?? [];
    const empty = cells.indexOf(undefined);
    return cells[cell] === undefined || empty < 0 || isFull ? cell : empty;
  }
  return (
    <div class="composer">
      <Board catalog={catalog} scene={scene} />
      <div class="cell-tools">
        <p class="cell-name">
          <b>{where}</b>
          <span>{group === undefined ? "empty: choose a sticker" : group.name}</span>
        </p>
        <Segmented
          label="How many"
          hideLabel
          disabled={group === undefined}
          value={group?.count}
          options={counts.map((value) => ({ value, text: String(value) }))}
          onChange={(count) => changeScene(app, (old) => setCount(old, cell, count))}
        />
        <Segmented
          label="Size"
          hideLabel
          disabled={group === undefined || group.count !== 1}
          value={group?.count === 1 ? group.size : undefined}
          options={[
            { value: "small", text: "S" },
            { value: "large", text: "L" },
          ]}
          onChange={(size) => changeScene(app, (old) => setSize(old, cell, size))}
        />
        <button
          type="button"
          class="button icon-only quiet"
          disabled={group === undefined}
          aria-label={`Empty the cell ${where}`}
          title="Empty this cell"
          onClick={() => changeScene(app, (old) => clear(old, cell))}
        >
          <Icon name="trash" />
        </button>
      </div>
      <details
        class="tools"
        open={!narrow || unfolded}
        onToggle={({ currentTarget }) => {
          if (narrow) setUnfolded(currentTarget.open);
        }}
      >
        <summary hidden={!narrow}>Scenes to start from, stickers, background, artwork</summary>
        <div class="tools-inner">
          <SceneGallery catalog={catalog} />
          <Palette catalog={catalog} style={scene.style} onPut={put} />
          {isFull && (
            <p class="note">
              {catalog.most_kinds} kinds are the most that the model knows: empty a cell, or put another sticker in its
              place.
            </p>
          )}
          <fieldset class="swatches">
            <legend>Background</legend>
            <div>
              {catalog.backgrounds.map(({ name, color }) => (
                <label key={name} title={name}>
                  <input
                    type="radio"
                    name="background"
                    aria-label={name}
                    checked={scene.background === name}
                    onChange={() => changeScene(app, (old) => ({ ...old, background: name }))}
                  />
                  <span style={{ "--swatch": color }} />
                </label>
              ))}
            </div>
          </fieldset>
          <div class="row between bottom">
            <Select
              label="Artwork"
              value={scene.style}
              options={catalog.styles.map((style) => ({ value: style, text: style }))}
              onChange={(style) => changeScene(app, (old) => ({ ...old, style }))}
            />
            <span class="row tight">
              <button
                type="button"
                class="button"
                onClick={() => changeScene(app, (old) => ({ ...randomScene(catalog), style: old.style }))}
              >
                <Icon name="dice" />
                Surprise me
              </button>
              <button
                type="button"
                class="button icon-only quiet"
                aria-label="Empty the whole scene"
                title="Empty the whole scene"
                onClick={() =>
                  changeScene(app, ({ style, background }) => ({ ...emptyScene(catalog), style, background }))
                }
              >
                <Icon name="trash" />
              </button>
            </span>
          </div>
        </div>
      </details>
      {side !== undefined && (
        <p class="note">
          The model sees it at {side} x {side} pixels.
          <span class="keys"> Keys on the board: arrows, 1 to 4, S, L, Delete; with Shift, arrows move a group.</span>
        </p>
      )}
    </div>
  );
}

/** Where the page has one column, the tools are folded away so that the answer is not far below. */
function useNarrow(): boolean {
  const [narrow, setNarrow] = useState(() => matchMedia(NARROW).matches);
  useEffect(() => {
    const query = matchMedia(NARROW);
    const onChange = () => setNarrow(query.matches);
    query.addEventListener("change", onChange);
    return () => query.removeEventListener("change", onChange);
  }, []);
  return narrow;
}

/** As in layout.css. */
const NARROW = "(max-width: 60rem)";
