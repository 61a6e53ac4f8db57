/** The set-up and the launcher in a checkout of paper: npm and tsc are scripts that note what they were asked. */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { root } from "./workspace.mjs";

const lockfile = (version: string) => JSON.stringify({ packages: { "": {}, "node_modules/thing": { version } } });

const NPM = `
import { appendFileSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
appendFileSync("asked.log", "npm " + process.argv.slice(2).join(" ") + "\\n");
if (process.env.NPM_FAILS) { console.error("npm error code E404"); process.exit(1); }
mkdirSync("node_modules/typescript/bin", { recursive: true });
copyFileSync("tsc.mjs", "node_modules/typescript/bin/tsc");
writeFileSync("node_modules/typescript/package.json", '{"type":"module"}');
copyFileSync("package-lock.json", "node_modules/.package-lock.json");
`;

const TSC = `
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
appendFileSync("asked.log", "tsc " + process.argv.slice(2).join(" ") + "\\n");
if (process.env.TSC_FAILS) { console.log("main.ts(1,1): error TS1: wrong"); process.exit(1); }
const source = readFileSync("packages/rediff/src/cli/main.ts", "utf8");
const note = "node_modules/tsbuildinfo";
if (existsSync(note) && readFileSync(note, "utf8") === source && !process.argv.includes("--force")) process.exit(0);
writeFileSync(note, source);
mkdirSync("packages/rediff/dist/cli", { recursive: true });
writeFileSync("packages/rediff/dist/cli/main.js",
  "export async function main(argv) { console.log('main', ...argv.slice(2)); }");
`;

class Checkout {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "rediff-checkout-")));

  constructor() {
    onTestFinished(() => rmSync(this.folder, { recursive: true, force: true }));
    for (const path of [
      "scripts",
      "packages/torch/setup",
      "packages/studio/scripts",
      "packages/rediff/bin",
      "packages/rediff/package.json",
    ]) {
      cpSync(join(root, path), join(this.folder, path), {
        recursive: true,
        filter: (file) => !/\.test\.ts$|[\\/]build$/.test(file),
      });
    }
    this.write("package.json", '{"type":"module"}');
    this.write("package-lock.json", lockfile("1.0.0"));
    this.write("npm-cli.mjs", NPM);
    this.write("tsc.mjs", TSC);
    this.write("packages/rediff/src/cli/main.ts", "");
    this.write("packages/torch/native/module.cc", "");
  }

  write(name: string, content: string): void {
    mkdirSync(dirname(join(this.folder, name)), { recursive: true });
    writeFileSync(join(this.folder, name), content);
  }

  /** Runs a script of the checkout; with no compiler, so that libtorch is never set up. */
  async run(script: string, args: string[] = [], env: Record<string, string> = {}) {
    const child = spawn(process.execPath, [join(this.folder, script), ...args], {
      env: {
        ...process.env,
        npm_execpath: join(this.folder, "npm-cli.mjs"),
        REDIFF_CACHE: join(this.folder, "cache"),
        CXX: "no-compiler",
        LIBTORCH: "",
        ...env,
      },
    });
    const [out, error]: string[][] = [[], []];
    child.stdout.on("data", (text) => out?.push(String(text)));
    child.stderr.on("data", (text) => error?.push(String(text)));
    const status = await new Promise<number | null>((done) => child.on("close", done));
    return { status, stdout: out?.join("") ?? "", stderr: error?.join("") ?? "" };
  }

  /** What npm and tsc were asked since the last look. */
  asked(): string[] {
    const log = join(this.folder, "asked.log");
    if (!existsSync(log)) return [];
    const lines = readFileSync(log, "utf8").trim().split("\n");
    rmSync(log);
    return lines.map((line) => line.split(" ").slice(0, 3).join(" "));
  }

  /** The part of the set-up that comes before libtorch, as `rediff --help` needs it. */
  prepare(env: Record<string, string> = {}) {
    return this.run("packages/rediff/bin/rediff.mjs", ["--help"], env);
  }
}

describe("the set-up", () => {
  test("installs and compiles once, and then starts nothing and says nothing", async () => {
    const checkout = new Checkout();
    const first = await checkout.prepare();
    expect(first).toMatchObject({ status: 0, stdout: "main --help\n" });
    expect(first.stderr).toContain("installing the npm packages");
    expect(checkout.asked()).toEqual(["npm ci --include=dev", "tsc -b"]);
    expect(await checkout.prepare()).toEqual({ status: 0, stdout: "main --help\n", stderr: "" });
    expect(checkout.asked()).toEqual([]);
  });

  test("installs again for another lockfile, but not when npm has just installed that", async () => {
    const checkout = new Checkout();
    await checkout.prepare();
    checkout.asked();
    checkout.write("package-lock.json", lockfile("2.0.0"));
    await checkout.prepare();
    expect(checkout.asked()).toEqual(["npm ci --include=dev"]);
    checkout.write("package-lock.json", lockfile("3.0.0"));
    checkout.write("node_modules/.package-lock.json", lockfile("3.0.0"));
    await checkout.prepare();
    expect(checkout.asked()).toEqual([]);
  });

  test("compiles again for another source, or when what was compiled is gone", async () => {
    const checkout = new Checkout();
    await checkout.prepare();
    checkout.asked();
    checkout.write("packages/rediff/src/cli/main.ts", "changed");
    await checkout.prepare();
    expect(checkout.asked()).toEqual(["tsc -b"]);
    rmSync(join(checkout.folder, "packages/rediff/dist"), { recursive: true });
    await checkout.prepare();
    expect(checkout.asked()).toEqual(["tsc -b", "tsc -b --force"]);
  });

  test("that was interrupted is done again", async () => {
    const checkout = new Checkout();
    const failed = await checkout.prepare({ NPM_FAILS: "1" });
    expect(failed.status).toBe(1);
    expect(failed.stderr).toMatch(/npm ci failed with status 1:\nnpm error code E404/);
    expect((await checkout.prepare({ TSC_FAILS: "1" })).stderr).toContain("main.ts(1,1): error TS1: wrong");
    expect((await checkout.prepare()).status).toBe(0);
    expect(checkout.asked()).toEqual(["npm ci --include=dev", "npm ci --include=dev", "tsc -b", "tsc -b"]);
  });

  test("of two processes at once happens once", async () => {
    const checkout = new Checkout();
    const results = await Promise.all([checkout.prepare(), checkout.prepare(), checkout.prepare()]);
    expect(results.map(({ status }) => status)).toEqual([0, 0, 0]);
    expect(checkout.asked()).toEqual(["npm ci --include=dev", "tsc -b"]);
  });

  test("says what is missing in one line", async () => {
    const checkout = new Checkout();
    const { status, stderr } = await checkout.run("scripts/setup.mjs", ["--quiet"]);
    expect(status).toBe(1);
    expect(stderr.trim().split("\n").at(-1)).toMatch(
      /^setup: there is no C\+\+ compiler CXX=no-compiler\. Install g\+\+/,
    );
    expect((await checkout.run("scripts/setup.mjs", ["--fast"])).stderr).toBe(
      "setup: unknown option --fast. There are --quiet and --verbose.\n",
    );
  });
});

describe("the launcher", () => {
  test("needs nothing for --version", async () => {
    const checkout = new Checkout();
    expect(await checkout.run("packages/rediff/bin/rediff.mjs", ["--version"])).toEqual({
      status: 0,
      stdout: `${JSON.parse(readFileSync(join(root, "packages/rediff/package.json"), "utf8")).version}\n`,
      stderr: "",
    });
    expect(checkout.asked()).toEqual([]);
  });

  test.each(["--help", "caption photo.jpg", "doctor", "pull ORG/NAME"])("starts %s without libtorch", async (line) => {
    const args = line.split(" ");
    const checkout = new Checkout();
    expect(await checkout.run("packages/rediff/bin/rediff.mjs", args)).toMatchObject({
      status: 0,
      stdout: `main ${args.join(" ")}\n`,
    });
  });

  test("shows doctor's checks even when nothing can be compiled", async () => {
    const checkout = new Checkout();
    const { status, stdout, stderr } = await checkout.run("packages/rediff/bin/rediff.mjs", ["doctor"], {
      TSC_FAILS: "1",
    });
    expect(status).toBe(1);
    expect(stderr).toContain("error TS1: wrong");
    expect(stdout).toMatch(/^FAIL {2}C\+\+ compiler +there is no C\+\+ compiler CXX=no-compiler$/m);
  });
});

test("npm start serves, with the options that it is given", async () => {
  const checkout = new Checkout();
  // A set-up that is done: the note that it leaves, with a libtorch of paper.
  await checkout.prepare();
  checkout.write(
    "stamp.mjs",
    `
    import { sourceHash, sourceTimes } from "./packages/torch/setup/sources.mjs";
    import { sharedLibrary } from "./packages/torch/setup/paths.mjs";
    import { writeStamp } from "./packages/torch/setup/stamp.mjs";
    import { mkdirSync, writeFileSync } from "node:fs";
    mkdirSync("lib");
    writeFileSync("lib/" + sharedLibrary("torch_cpu"), "");
    const torch = { addon: "package.json", libDir: "lib", torchVersion: "2.15.0", source: "wheel" };
    writeStamp(torch, sourceHash(), sourceTimes());`,
  );
  const at = (script: string, args: string[] = []) => checkout.run(script, args);
  process.chdir(checkout.folder);
  onTestFinished(() => process.chdir(root));
  expect(await at("stamp.mjs")).toMatchObject({ status: 0, stderr: "" });
  expect((await at("scripts/start.mjs")).stdout).toBe("main serve\n");
  expect((await at("scripts/start.mjs", ["--port", "8081"])).stdout).toBe("main serve --port 8081\n");
});

test.skipIf(process.platform === "win32")("the server of npm start ends with the shell that npm started", async () => {
  const checkout = new Checkout();
  await checkout.prepare();
  checkout.write(
    "packages/rediff/dist/cli/main.js",
    `
    import { writeFileSync } from "node:fs";
    export function main() {
      return new Promise((done) => {
        const waiting = setInterval(() => {}, 1000);
        process.on("SIGTERM", () => {
          clearInterval(waiting);
          writeFileSync("ended", "by SIGTERM");
          done();
        });
        console.log("serving");
      });
    }`,
  );
  // With a command behind it, no shell lets node take its place.
  const line = `"${process.execPath}" scripts/start.mjs; true`;
  const env = { ...process.env, npm_lifecycle_event: "start" };
  const shell = spawn("sh", ["-c", line], { cwd: checkout.folder, env, stdio: ["ignore", "pipe", "inherit"] });
  // Not the shell's end, but that of the last process that has this pipe.
  const closed = new Promise((resolve) => shell.stdout.once("close", resolve));
  await new Promise((resolve) => shell.stdout.once("data", resolve));
  shell.kill("SIGTERM");
  await closed;
  expect(readFileSync(join(checkout.folder, "ended"), "utf8")).toBe("by SIGTERM");
});
