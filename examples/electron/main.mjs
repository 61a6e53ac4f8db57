// @ts-check
/** The main process: a window, and the model, which has a process of its own, so that no window ever waits for it. */
import { fileURLToPath } from "node:url";
import { app, BrowserWindow, ipcMain } from "electron";
import { startModel, UserError } from "rediff";

const beside = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));

// Loaded while the window opens. What is wrong with it is told to whoever asks it first.
const model = startModel();
model.catch(() => undefined);

ipcMain.handle("describe", async ({ sender }, /** @type {unknown} */ picture) => {
  // Bytes alone: a text would be read as a path, and a page is not to read this machine's files.
  if (!(picture instanceof Uint8Array)) throw new TypeError("describe: expected the bytes of a picture");
  try {
    const { text } = await (await model).describe(picture, {
      tokensPerStep: 4,
      onTrace: ({ step, changes }) => {
        if (!sender.isDestroyed()) sender.send("step", { step, changes });
      },
    });
    return { text };
  } catch (error) {
    // Of an error that is thrown only the message arrives.
    if (!(error instanceof UserError)) throw error;
    return { code: error.code, error: error.message, hint: error.hint };
  }
});

app.whenReady().then(() => {
  const window = new BrowserWindow({ webPreferences: { preload: beside("preload.cjs") } });
  return window.loadFile(beside("index.html"));
});

app.on("window-all-closed", () => app.quit());

let isClosed = false;
app.on("will-quit", (event) => {
  if (isClosed) return;
  event.preventDefault();
  const done = () => {
    isClosed = true;
    app.quit();
  };
  model.then((started) => started.close()).then(done, done);
});
