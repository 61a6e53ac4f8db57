/** What the example uses of Electron, to be checked without it. A project with Electron has the types of the package itself:
 *  copy `electron/`, not this file. */
declare module "electron" {
  interface WebContents {
    isDestroyed(): boolean;
    send(channel: string, ...args: unknown[]): void;
  }
  export const app: {
    whenReady(): Promise<void>;
    quit(): void;
    on(event: "window-all-closed", listener: () => void): void;
    on(event: "will-quit", listener: (event: { preventDefault(): void }) => void): void;
  };
  export class BrowserWindow {
    constructor(options: { webPreferences: { preload: string } });
    loadFile(path: string): Promise<void>;
  }
  export const ipcMain: {
    handle(channel: string, listener: (event: { sender: WebContents }, ...args: unknown[]) => Promise<unknown>): void;
  };
  export const ipcRenderer: {
    invoke(channel: string, ...args: unknown[]): Promise<unknown>;
    on(channel: string, listener: (event: object, ...args: unknown[]) => void): void;
  };
  export const contextBridge: { exposeInMainWorld(name: string, api: object): void };
}

/** What preload.cjs gives to the page. */
interface Window {
  rediff: {
    describe(picture: Uint8Array): Promise<{ text: string } | { code: string; error: string; hint?: string }>;
    onStep(listener: (step: { step: number; changes: readonly { position: number; token: string }[] }) => void): void;
  };
}
