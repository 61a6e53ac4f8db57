/** Texts to start from, each with its scene. */
import { useApp } from "../app/app.js";
import { showScene } from "../picture/picture-actions.js";
import type { Catalog } from "../scene/scene.js";
import type { GalleryText } from "./gallery.js";
import { Thumbnail } from "./scene-gallery.js";

export function TextGallery({
  catalog,
  title,
  note,
  texts,
  onChoose,
}: {
  catalog: Catalog;
  title: string;
  note: string;
  texts: readonly GalleryText[];
  onChoose: (text: string) => void;
}) {
  const app = useApp();
  return (
    <section class="card" aria-labelledby="text-gallery">
      <div class="card-head">
        <div>
          <h3 id="text-gallery">{title}</h3>
          <p class="note">{note}</p>
        </div>
      </div>
      <ul class="text-gallery">
        {texts.map(({ text, scene }, i) => (
          <li key={i}>
            <button
              type="button"
              class="button text-choice"
              onClick={() => {
                showScene(app, scene);
                onChoose(text);
                // On a phone the field is far above.
                document.querySelector("form.card")?.scrollIntoView({ block: "nearest" });
              }}
            >
              <Thumbnail scene={scene} catalog={catalog} />
              <span>{text}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
