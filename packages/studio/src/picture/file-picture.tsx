import { useState } from "preact/hooks";
import { patch, useApp, useSelect } from "../app/app.js";
import { useFilePicker } from "../ui/file-picker.js";
import { Icon } from "../ui/icons.js";
import { ProblemNotice } from "../ui/notice.js";
import { chooseFile } from "./picture-actions.js";

export function FilePicture() {
  const app = useApp();
  const { file, problem } = useSelect((state) => state.picture);
  const [over, setOver] = useState(false);
  const { input, choose } = useFilePicker("Picture file", "image/*", (chosen) => void chooseFile(app, chosen));
  return (
    // Dropping is the mouse's way; the button inside is everyone's.
    // biome-ignore lint/a11y/noStaticElementInteractions: see above
    <div
      class={over ? "drop over" : "drop"}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        const [first] = event.dataTransfer?.files ?? [];
        if (first !== undefined) void chooseFile(app, first);
      }}
    >
      {input}
      {file === undefined ? (
        <div class="drop-empty">
          <Icon name="picture" />
          <p>
            <b>Drop a picture here</b>, paste one, or choose a file.
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
                {file.width} x {file.height} pixels
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
      {problem !== undefined && <ProblemNotice problem={problem} />}
    </div>
  );
}
