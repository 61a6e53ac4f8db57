/** Captions with planted errors, each with its scene. */
import { useMemo } from "preact/hooks";
import { useApp } from "../app/app.js";
import { showScene } from "../picture/picture-actions.js";
import { setDraft } from "../proofread/proofread-actions.js";
import type { Catalog } from "../scene/scene.js";
import { galleryDrafts, rightDrafts } from "./gallery.js";
import { Thumbnail } from "./scene-gallery.js";

export function DraftGallery({ catalog }: { catalog: Catalog }) {
  const app = useApp();
  const drafts = useMemo(() => galleryDrafts(catalog), [catalog]);
  return (
    <section class="card" aria-labelledby="draft-gallery">
      <div class="card-head">
        <div>
          <h3 id="draft-gallery">Captions to start from</h3>
          <p class="note">
            Each comes with its scene. One fact was changed in each but {rightDrafts}: which, is told after
            proofreading.
          </p>
        </div>
      </div>
      <ul class="draft-gallery">
        {drafts.map(({ text, scene }, i) => (
          <li key={i}>
            <button
              type="button"
              class="button draft-choice"
              onClick={() => {
                showScene(app, scene);
                setDraft(app, text);
                // On a phone the draft is far above.
                document.querySelector(".proofread-form")?.scrollIntoView({ block: "nearest" });
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
