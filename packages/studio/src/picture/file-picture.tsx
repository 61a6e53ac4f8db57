import { patch, useApp, useSelect } from "../app/app.js";
import { useFilePicker } from "../ui/file-picker.js";
import { Icon } from "../ui/icons.js";
import { chooseFile } from "./picture-actions.js";
import { PictureProblem } from "./picture-problem.js";
import { ReadingNote } from "./reading-note.js";

export function FilePicture() {
  const app = useApp();
  const file = useSelect((state) => state.picture.file);
  const { input, choose } = useFilePicker(
    "Picture file",
    "image/*,.heic,.heif,.tif,.tiff",
    (chosen) => void chooseFile(app, chosen),
  );
  return (
    <div class="drop">
      {input}
      <ReadingNote />
      {file === undefined ? (
        <div class="drop-empty">
          <Icon name="picture" />
          <p>
            <b>Drop a picture</b> anywhere on this page, paste one, or choose a file.
          </p>
          <button type="button" class="button" onClick={choose}>
            <Icon name="upload" />
            Choose a file
          </button>
        </div>
      ) : (
        <>
          <img class="preview" src={file.url} alt={`The chosen file ${file.name}`} />
          <div class="row between">
            <span class="file-name" title={file.name}>
              <b>{file.name}</b>
              <small>
                {file.original.width} x {file.original.height} pixels
                {file.width !== file.original.width && `, sent as ${file.width} x ${file.height}`}
              </small>
            </span>
            <span class="row tight">
              <button type="button" class="button small" onClick={choose}>
                Replace
              </button>
              <button
                type="button"
                class="button icon-only quiet"
                aria-label="Remove the picture"
                title="Remove the picture"
                onClick={() => patch(app, "picture", { file: undefined, problem: undefined })}
              >
                <Icon name="trash" />
              </button>
            </span>
          </div>
        </>
      )}
      <PictureProblem />
    </div>
  );
}
