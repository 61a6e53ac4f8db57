/** A conversation about one picture, sent whole with every question. */

import { type App, announce, begin, giveUp, noteProblem, patch } from "../app/app.js";
import { answering } from "../models/answering.js";
import { currentPicture } from "../picture/picture-actions.js";
import { Problem } from "../server/problem.js";
import { checkSpans, type Span } from "../text/spans.js";
import { addEvent, textAt } from "../trace/trace.js";
import type { ChatMessage } from "./chat-state.js";

export async function ask(app: App): Promise<void> {
  const { draft, messages: all, busy } = app.store.get().chat;
  const text = draft.trim();
  if (busy || text === "") return;
  const messages = all.at(-1)?.role === "user" ? all.slice(0, -1) : all; // a question that failed is dropped
  const signal = begin(app, "chat");
  patch(app, "chat", { busy: true, problem: undefined });
  try {
    // The picture goes with the first question: the model reads one picture in a conversation.
    const picture = messages.length === 0 ? await currentPicture(app) : undefined;
    const question: ChatMessage = { role: "user", text, picture, status: "done" };
    const answer: ChatMessage = {
      role: "assistant",
      text: "",
      status: "writing",
      model: answering(app.store.get())?.id,
    };
    patch(app, "chat", { draft: "", messages: [...messages, question, answer] });
    await answerTo(app, signal);
  } catch (thrown) {
    patch(app, "chat", { problem: noteProblem(app, thrown), busy: false });
  }
}

/** The last answer again, after a problem. */
export async function askAgain(app: App): Promise<void> {
  const { messages } = app.store.get().chat;
  if (messages.at(-1)?.role !== "user") return ask(app);
  const signal = begin(app, "chat");
  const answer: ChatMessage = { role: "assistant", text: "", status: "writing", model: answering(app.store.get())?.id };
  patch(app, "chat", { busy: true, problem: undefined, messages: [...messages, answer] });
  await answerTo(app, signal);
}

async function answerTo(app: App, signal: AbortSignal): Promise<void> {
  const turns = app.store
    .get()
    .chat.messages.slice(0, -1)
    .map(({ role, text, picture }) => ({ role, text, image: picture?.url }));
  const { settings } = app.store.get().describe;
  const model = answering(app.store.get());
  const revise = model?.rediff.revises === true;
  const change = (make: (message: ChatMessage) => Partial<ChatMessage>) => {
    const { messages } = app.store.get().chat;
    const last = messages.at(-1);
    if (signal.aborted || last?.role !== "assistant") return;
    patch(app, "chat", { messages: [...messages.slice(0, -1), { ...last, ...make(last) }] });
  };
  const markUnread = (unread: readonly Span[]) => {
    const { messages } = app.store.get().chat;
    const [question, answer] = messages.slice(-2);
    if (signal.aborted || question?.role !== "user" || answer === undefined) return;
    const spans = spansOf(question.text, unread);
    patch(app, "chat", { messages: [...messages.slice(0, -2), { ...question, unread: spans }, answer] });
  };
  try {
    await app.api.chat(
      turns,
      { model: model?.id, revise, max_tokens: settings.genLength, tokens_per_step: settings.tokensPerStep },
      {
        onText: (delta) => change(({ text }) => ({ text: text + delta })),
        onTrace: (event) => change(({ trace }) => ({ trace: addEvent(trace, event) })),
        onUnread: markUnread,
      },
      signal,
    );
    change(({ text, trace }) => ({ text: (text || trace?.end?.text) ?? "", status: "done" }));
    announce(app, `Answer: ${app.store.get().chat.messages.at(-1)?.text ?? ""}`);
    patch(app, "chat", { busy: false });
  } catch (thrown) {
    const problem = noteProblem(app, thrown);
    if (problem === undefined) return; // stopped, or the conversation was ended: they have tidied up
    const { messages } = app.store.get().chat;
    patch(app, "chat", { busy: false, problem, messages: messages.slice(0, -1) });
  }
}

function spansOf(text: string, unread: readonly Span[]): Span[] {
  try {
    return checkSpans(text, unread);
  } catch (thrown) {
    throw new Problem("bad-answer", `The server sent ${thrown instanceof Error ? thrown.message : thrown}.`);
  }
}

/** What has been written stays as the answer; with nothing written, the question goes back to where it was typed. */
export function stopAnswer(app: App): void {
  giveUp(app, "chat");
  const { messages, draft } = app.store.get().chat;
  const last = messages.at(-1);
  if (last?.status === "writing") {
    const text = last.text || (last.trace === undefined ? "" : textAt(last.trace, last.trace.steps.length));
    const question = messages.at(-2)?.text ?? "";
    if (text === "") patch(app, "chat", { messages: messages.slice(0, -2), draft: draft || question });
    else patch(app, "chat", { messages: [...messages.slice(0, -1), { ...last, text, status: "stopped" }] });
  }
  patch(app, "chat", { busy: false });
  announce(app, "Stopped.");
}

export function newConversation(app: App): void {
  giveUp(app, "chat");
  patch(app, "chat", { messages: [], busy: false, problem: undefined });
}
