/** The whole page takes pictures: dropped anywhere, or from the clipboard, whichever tab is open. */
import { useEffect, useState } from "preact/hooks";
import { type App, useApp } from "../app/app.js";
import { Icon } from "../ui/icons.js";
import { chooseFile } from "./picture-actions.js";

export function DropZone() {
  const app = useApp();
  const [over, setOver] = useState(false);
  usePaste(app);
  useEffect(() => {
    // Only files: text that is dragged into a field is the field's.
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const onOver = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const onLeave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false); // out of the window
    };
    const onDrop = (event: DragEvent) => {
      setOver(false);
      if (!hasFiles(event)) return;
      event.preventDefault(); // or the browser would open the file instead of the page
      const [file] = event.dataTransfer?.files ?? [];
      if (file !== undefined) void chooseFile(app, file);
    };
    document.addEventListener("dragover", onOver);
    document.addEventListener("dragleave", onLeave);
    document.addEventListener("drop", onDrop);
    return () => {
      document.removeEventListener("dragover", onOver);
      document.removeEventListener("dragleave", onLeave);
      document.removeEventListener("drop", onDrop);
    };
  }, [app]);
  if (!over) return null;
  return (
    <div class="drop-anywhere" aria-hidden="true">
      <span class="drop-word">
        <Icon name="picture" />
        Drop the picture
      </span>
    </div>
  );
}

function usePaste(app: App) {
  useEffect(() => {
    const onPaste = (event: ClipboardEvent) => {
      const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
      if (file === undefined) return;
      event.preventDefault();
      void chooseFile(app, file);
    };
    document.addEventListener("paste", onPaste);
    return () => document.removeEventListener("paste", onPaste);
  }, [app]);
}
