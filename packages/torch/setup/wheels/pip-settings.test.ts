import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { write } from "../scratch.js";
import { WheelFailure } from "./failure.mjs";
import { bareMachine } from "./index-server.js";
import { parsePage } from "./package-index.mjs";
import { parseSettings, readPipSettings } from "./pip-settings.mjs";

describe("pip's settings", () => {
  test("are the public index, where nobody has said anything", () => {
    bareMachine();
    vi.stubEnv("PIP_RETRIES", undefined);
    expect(readPipSettings()).toEqual({
      indexes: ["https://pypi.org/simple"],
      trustedHosts: [],
      cert: undefined,
      clientCert: undefined,
      proxy: undefined,
      timeoutMs: 15_000,
      retries: 5,
    });
  });

  test("are the environment's before the user's, the user's before the system's", () => {
    const folder = bareMachine();
    vi.stubEnv("PIP_CONFIG_FILE", undefined);
    write(folder, {
      "etc/pip/pip.conf": "[global]\nindex-url = https://system\nproxy = http://system\ntimeout = 60\n",
      "home/.pip/pip.conf": "[global]\nproxy = http://old\n",
      "home/.config/pip/pip.conf": "[global]\nproxy = http://user\ntrusted_host = a b:80\n",
    });
    vi.stubEnv("PIP_TIMEOUT", "7");
    expect(readPipSettings()).toMatchObject({
      indexes: ["https://system"],
      proxy: "http://user",
      trustedHosts: ["a", "b:80"],
      timeoutMs: 7000,
    });
  });

  test("are those of the file that PIP_CONFIG_FILE names instead of the user's; of none for /dev/null", () => {
    const folder = bareMachine();
    write(folder, {
      "home/.config/pip/pip.conf": "[global]\nproxy = http://user\n",
      "own.conf": "[global]\nindex-url = https://first\nextra-index-url = https://one\n  https://two\n",
    });
    vi.stubEnv("PIP_CONFIG_FILE", join(folder, "own.conf"));
    expect(readPipSettings()).toMatchObject({
      indexes: ["https://first", "https://one", "https://two"],
    });
    expect(readPipSettings().proxy).not.toBe("http://user");
    vi.stubEnv("PIP_CONFIG_FILE", "/dev/null");
    expect(readPipSettings().indexes).toEqual(["https://pypi.org/simple"]);
  });

  test("of the command go before those for all", () => {
    const folder = bareMachine();
    vi.stubEnv("PIP_CONFIG_FILE", undefined);
    write(folder, {
      "home/.config/pip/pip.conf": "[install]\nindex-url = https://install\n[global]\nindex-url = https://all\n",
    });
    expect(readPipSettings().indexes).toEqual(["https://install"]);
  });

  test("that cannot be read are told", () => {
    const folder = bareMachine();
    vi.stubEnv("PIP_CONFIG_FILE", folder);
    expect(() => readPipSettings()).toThrow(/pip's settings cannot be read \(EISDIR/);
  });

  test("have comments, colons, empty values and values that go on", () => {
    const text =
      "a = outside\n[one]\n# no\n; no\nkey: value = x\nempty =\nlong = 1\n  2\n\n  # no\n  3\nbroken\n  4\n[two]\r\nb=c\r\n";
    expect(parseSettings(text)).toEqual([
      ["", "a", "outside"],
      ["one", "key", "value = x"],
      ["one", "empty", ""],
      ["one", "long", "1\n2\n3"],
      ["two", "b", "c"],
    ]);
  });
});

describe("a page of an index", () => {
  const base = new URL("https://host.invalid/simple/torch/");
  const hash = "ab".repeat(32);

  test("of HTML has files by their addresses, with entities, quotes and a base of their own", () => {
    const page = `<base href="/files/"><A HREF='torch-1%2Bcpu.whl?a=1&amp;b=2#egg=1&amp;sha256=${hash}' data-yanked="">x</A>
      <a rel="internal">no address</a><a data-x="a > b" href=../b.whl>b</a><a href="http://[broken">c</a>`;
    expect(parsePage(page, "text/html; charset=utf-8", base)).toEqual([
      {
        name: "torch-1+cpu.whl",
        url: new URL("https://host.invalid/files/torch-1%2Bcpu.whl?a=1&b=2"),
        sha256: hash,
        yanked: true,
      },
      { name: "b.whl", url: new URL("https://host.invalid/b.whl"), sha256: undefined, yanked: false },
    ]);
  });

  test("of JSON has files, and no hash where that is none", () => {
    const files = [
      { filename: "a.whl", url: "a", hashes: { sha256: hash }, yanked: "why" },
      { url: "b.whl", hashes: { sha256: "short" } },
      7,
    ];
    expect(parsePage(JSON.stringify({ files }), "application/vnd.pypi.simple.v1+json", base)).toEqual([
      { name: "a.whl", url: new URL("a", base), sha256: hash, yanked: true },
      { name: "b.whl", url: new URL("b.whl", base), sha256: undefined, yanked: false },
    ]);
  });

  test.each([
    ["image/png", "x"],
    ["", "x"],
    ["application/json", "{"],
    ["application/json", "[]"],
    ["application/json", '{"files": {}}'],
  ])("that is none (%s, %s) is refused", (type, text) => {
    expect(() => parsePage(text, type, base)).toThrow(WheelFailure);
  });

  test("is read or refused, whatever it is", () => {
    const types = fc.constantFrom("text/html", "application/json");
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      fc.string().map((text) => `<a href="${text}">`),
    );
    fc.assert(
      fc.property(texts, types, (text, type) => {
        try {
          return Array.isArray(parsePage(text, type, base));
        } catch (error) {
          return error instanceof WheelFailure;
        }
      }),
    );
  });
});
