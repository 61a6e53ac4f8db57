/** The real server with the embedded models, as a newcomer starts it. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../../", import.meta.url));
export const isBuilt = existsSync(`${root}packages/rediff/dist/cli/main.js`);

/** As `npm start` does, with nothing said but the port. */
export async function serve(): Promise<{ url: string; child: ChildProcess }> {
  const args = [`${root}packages/rediff/bin/rediff.mjs`, "serve", "--port", "0", "--threads", "1"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.once("data", (text) => resolve(String(text).trim()));
    child.once("exit", (code) => reject(new Error(`rediff serve ended with ${code}`)));
  });
  return { url, child };
}
