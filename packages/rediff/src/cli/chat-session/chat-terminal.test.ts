import { PassThrough } from "node:stream";
import { expect, vi } from "vitest";
import type { VisionLanguageModel } from "../../inference/vision-language-model.js";
import { test } from "../../testing/fixtures.js";
import { chatInTerminal } from "./chat-terminal.js";
import { Conversation } from "./conversation.js";

const CTRL_C = "\x03";
const CTRL_D = "\x04";

/** A terminal whose keys are pressed by the test. */
function open(model: VisionLanguageModel, genLength = 8) {
  const keys = new PassThrough();
  let shown = "";
  const watchers = new Set<() => void>();
  const output = {
    columns: 60,
    rows: 20,
    write: (text: string) => {
      shown += text;
      for (const watcher of watchers) watcher();
    },
  };
  const abort = new AbortController();
  const conversation = new Conversation(model, { genLength });
  const { tokenizer } = model.model;
  const over = chatInTerminal(conversation, { input: keys, output, tokenizer, signal: abort.signal });
  over.catch(() => undefined);
  /** Waits until the screen has shown something since the last wait. */
  let from = 0;
  const see = async (what: string): Promise<void> => {
    await vi.waitFor(() => expect(shown.slice(from)).toContain(what), { timeout: 30_000, interval: 5 });
    from = shown.indexOf(what, from) + what.length;
  };
  return { press: (text: string) => void keys.write(text), see, over, abort, conversation, shown: () => shown, keys };
}

test("a message, the answer as it forms, the answer; Ctrl-D leaves", async ({ model }) => {
  const { press, see, over, shown } = open(model);
  await see("> ");
  press("What is it?\r");
  await see("\u2591"); // masks
  await see("> ");
  press(CTRL_D);
  await over;
  const { text } = await model.describe([], { genLength: 8, prompt: "What is it?" });
  expect(shown()).toContain(`${text.trim()}\n\n`);
  expect(shown().endsWith("\n")).toBe(true);
});

test("commands are obeyed, mistakes are told, and the chat goes on", async ({ model }) => {
  const { press, see, over } = open(model);
  await see("> ");
  press("/help\r");
  await see("/reset all");
  press("/nothing\r");
  await see("/nothing is no command");
  press("/image none.jpg\r");
  await see("there is no file none.jpg");
  press("/quit\r");
  await over;
});

test("a conversation that has grown too long says how to go on", async ({ model }) => {
  const { press, see, over } = open(model);
  await see("> ");
  press("Hello.\r");
  await see("\u2591");
  await see("> ");
  press(`${"word ".repeat(3000)}\r`);
  await see("/reset begins anew.");
  press("/quit\r");
  await over;
});

test("Ctrl-C stops an answer and keeps the chat; lines typed meanwhile wait, unseen", async ({ model }) => {
  const { press, see, over, conversation, shown } = open(model, 512);
  await see("> ");
  press("First.\r");
  await see("\u2591");
  press("/nothing\r");
  press(CTRL_C);
  await see("stopped\n");
  await see("/nothing is no command"); // now it has its turn
  expect(shown().indexOf("/nothing")).toBeGreaterThan(shown().indexOf("stopped"));
  expect(conversation.length).toBe(0); // the message is as if it had not been
  press("/quit\r");
  await over;
});

test("Ctrl-C twice leaves: during an answer, and at the prompt", async ({ model }) => {
  const during = open(model, 512);
  await during.see("> ");
  during.press("First.\r");
  await during.see("\u2591");
  during.press(CTRL_C + CTRL_C);
  await during.over;

  const idle = open(model);
  await idle.see("> ");
  idle.press(CTRL_C);
  await idle.see("(Ctrl-C again to leave)");
  idle.press("half a line");
  await idle.see("half a line");
  idle.press(CTRL_C); // clears the line
  idle.press("/help\r");
  await idle.see("/image PATH");
  await idle.see("> ");
  idle.press(CTRL_C);
  await idle.see("(Ctrl-C again to leave)");
  idle.press(CTRL_C);
  await idle.over;
});

test("a signal from outside ends it with its reason; so does the end of the input, without one", async ({ model }) => {
  const told = open(model, 512);
  await told.see("> ");
  told.press("First.\r");
  await told.see("\u2591");
  told.abort.abort(new Error("told to end"));
  await expect(told.over).rejects.toThrow("told to end");

  const idle = open(model);
  await idle.see("> ");
  idle.abort.abort(new Error("told to end"));
  await expect(idle.over).rejects.toThrow("told to end");

  const ended = open(model, 512);
  await ended.see("> ");
  ended.press("First.\r");
  await ended.see("\u2591");
  ended.keys.end();
  await ended.over;
});
