import { expect, test } from "vitest";
import { serveCommandLine } from "./typed-command.js";

const serve = (...args: string[]) => serveCommandLine(["serve", ...args], {});

test("a command is told as it can be typed again, with quotes where a shell needs them", () => {
  expect(serve("--model", "my model", "--port", "9000")).toBe("npx rediff serve --model 'my model' --port 9000");
  expect(serve("--name", "it's")).toBe("npx rediff serve --name 'it'\\''s'");
});

test("a key is never told", () => {
  expect(serve("--api-key", "SECRET", "--port", "1", "--api-key=OTHER")).toBe(
    "npx rediff serve --api-key ... --port 1 --api-key=...",
  );
});

test("npm start is told as npm start, with its options behind two dashes", () => {
  const env = { REDIFF_STARTED_BY: "npm start" };
  expect(serveCommandLine(["serve"], env)).toBe("npm start");
  expect(serveCommandLine(["serve", "--port", "9000"], env)).toBe("npm start -- --port 9000");
});
