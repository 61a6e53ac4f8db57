/** The picture of all tabs: a file by drop, paste or choice, or a scene of stickers. */
import { patch, useApp, useSelect } from "../app/app.js";
import { ShareLink } from "../link/share-link.js";
import { Composer } from "../scene/composer.js";
import { Segmented } from "../ui/controls.js";
import { FilePicture } from "./file-picture.js";
import { PictureProblem } from "./picture-problem.js";
import { ReadingNote } from "./reading-note.js";

export function PicturePanel() {
  const app = useApp();
  const source = useSelect((state) => state.picture.source);
  const catalog = useSelect((state) => state.catalog);
  return (
    <section class="card picture-panel" aria-labelledby="picture-title">
      <div class="card-head">
        <h2 id="picture-title">Picture</h2>
        {catalog !== undefined && (
          <Segmented
            label="Where the picture comes from"
            hideLabel
            value={source}
            options={[
              { value: "scene", text: "Compose" },
              { value: "file", text: "File" },
            ]}
            onChange={(chosen) => patch(app, "picture", { source: chosen, problem: undefined })}
          />
        )}
      </div>
      {source === "scene" && catalog !== undefined ? (
        <>
          <ReadingNote />
          <Composer catalog={catalog} />
          <PictureProblem />
        </>
      ) : (
        <FilePicture />
      )}
      <ShareLink />
    </section>
  );
}
