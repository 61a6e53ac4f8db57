/** Small pictures of scenes to start from. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import { useApp, useSelect } from "../app/app.js";
import { showScene } from "../picture/picture-actions.js";
import { drawScene, spritesOf } from "../scene/draw.js";
import { type Catalog, describeScene, type Scene } from "../scene/scene.js";
import { useRoving } from "../ui/roving.js";
import { galleryScenes } from "./gallery.js";

export function SceneGallery({ catalog }: { catalog: Catalog }) {
  const app = useApp();
  const scenes = useMemo(() => galleryScenes(catalog), [catalog]);
  const shown = useSelect((state) => state.picture.scene);
  const current = JSON.stringify(shown);
  const roving = useRoving(scenes.length);
  return (
    <div class="gallery">
      <p class="gallery-title">Scenes to start from</p>
      <div
        class="gallery-scenes"
        role="toolbar"
        aria-label="Scenes to start from"
        ref={roving.container}
        onKeyDown={roving.onKeyDown}
      >
        {scenes.map((scene, i) => (
          <button
            key={i}
            type="button"
            class="thumbnail"
            data-roving
            aria-label={`Scene ${i + 1}: ${describeScene(scene, catalog)}`}
            title={describeScene(scene, catalog)}
            aria-pressed={JSON.stringify(scene) === current}
            tabIndex={roving.tabIndex(i)}
            onFocus={() => roving.onFocus(i)}
            onClick={() => showScene(app, scene)}
          >
            <Thumbnail scene={scene} catalog={catalog} />
          </button>
        ))}
      </div>
    </div>
  );
}

/** Pixels along a side. */
const SIDE = 96;

export function Thumbnail({ scene, catalog }: { scene: Scene; catalog: Catalog }) {
  const { sprites } = useApp();
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let current = true;
    spritesOf(scene, sprites).then(
      (drawings) => {
        const context = canvas.current?.getContext("2d");
        if (current && context) drawScene(context, SIDE, scene, catalog, drawings);
      },
      () => undefined, // the board says what is wrong with the server
    );
    return () => {
      current = false;
    };
  }, [sprites, scene, catalog]);
  return <canvas ref={canvas} width={SIDE} height={SIDE} />;
}
