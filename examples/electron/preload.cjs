// @ts-check
/** What the page may ask of the main process: a description of bytes that it has, and no more. */
const { contextBridge, ipcRenderer } = require("electron");

contextBridge.exposeInMainWorld("rediff", {
  describe: (/** @type {Uint8Array} */ picture) => ipcRenderer.invoke("describe", picture),
  onStep: (/** @type {(step: unknown) => void} */ listener) => {
    ipcRenderer.on("step", (_, step) => listener(step));
  },
});
