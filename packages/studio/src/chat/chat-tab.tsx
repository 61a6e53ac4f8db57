/** Questions and answers about the picture; an answer under way shows its canvas. */

import { useEffect, useRef } from "preact/hooks";
import { patch, showTab, useApp, useSelect } from "../app/app.js";
import { answering } from "../models/answering.js";
import { modelCommand } from "../server/problem.js";
import { keptParts, type Span } from "../text/spans.js";
import { cellsAt, isSpecial, type Trace } from "../trace/trace.js";
import { CopyButton } from "../ui/copy.js";
import { ProblemNotice } from "../ui/notice.js";
import { RunButton } from "../ui/run-button.js";
import { Unread, unreadNote } from "../ui/unread.js";
import { ask, askAgain, newConversation, stopAnswer } from "./chat-actions.js";
import type { ChatMessage } from "./chat-state.js";
import { sceneQuestions } from "./scene-questions-offered.js";

const SUGGESTIONS = [
  "Please describe the image in detail.",
  "What color is the background?",
  "What is at the top left?",
];

/** About a composed scene, questions of the kinds that a model of its world is trained on. */
function useSuggestions(): readonly string[] {
  const { scene, source } = useSelect((state) => state.picture);
  const catalog = useSelect((state) => state.catalog);
  if (scene === undefined || catalog === undefined || source === "file") return SUGGESTIONS;
  return sceneQuestions(scene, catalog);
}

export function ChatTab() {
  const converses = useSelect((state) => answering(state)?.rediff.converses);
  return converses === false ? <NotOffered /> : <Conversation />;
}

/** Better than a conversation that breaks at its second turn. */
function NotOffered() {
  const app = useApp();
  const title = useSelect((state) => answering(state)?.id);
  const command = modelCommand(useSelect((state) => state.command));
  return (
    <section class="card invitation" aria-label="Conversation">
      <h3>This model does not converse</h3>
      <p>
        {title} was trained to describe pictures, to repair descriptions and to fill in blanks. Asked a question it
        answers with a description, and a second question it does not understand. Start the server with a model that
        converses:
      </p>
      <p class="command">
        <code>{command}</code>
        <CopyButton text={command} label="Copy the command" small />
      </p>
      <div class="suggestions">
        <button type="button" class="button small" onClick={() => showTab(app, "describe")}>
          Describe the picture
        </button>
        <button type="button" class="button small" onClick={() => showTab(app, "proofread")}>
          Proofread a caption
        </button>
        <button type="button" class="button small" onClick={() => showTab(app, "fill")}>
          Fill in blanks
        </button>
      </div>
    </section>
  );
}

function Conversation() {
  const app = useApp();
  const { draft, messages, busy, problem } = useSelect((state) => state.chat);
  const ready = useSelect((state) => state.server === "ready");
  const log = useRef<HTMLDivElement>(null);
  useEffect(() => {
    log.current?.scrollTo({ top: log.current.scrollHeight });
  }, [messages]);
  return (
    <section class="card chat" aria-label="Conversation">
      <section class="chat-log" ref={log} aria-label="Messages">
        {messages.length === 0 ? (
          <ChatInvitation />
        ) : (
          messages.map((message, i) => <Message key={i} message={message} />)
        )}
        {problem !== undefined && <ProblemNotice problem={problem} onRetry={() => void askAgain(app)} />}
      </section>
      <form
        class="chat-form"
        onSubmit={(event) => {
          event.preventDefault();
          void ask(app);
        }}
      >
        <textarea
          aria-label="Your question"
          rows={1}
          value={draft}
          placeholder="Ask about the picture"
          onInput={({ currentTarget }) => patch(app, "chat", { draft: currentTarget.value })}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            if (ready) void ask(app);
          }}
        />
        <RunButton
          running={busy}
          ready={ready && draft.trim() !== ""}
          icon="send"
          text="Ask"
          onStop={() => stopAnswer(app)}
        />
      </form>
      {messages.length > 0 && (
        <div class="row between">
          <span class="note">The picture of the first question stays for the whole conversation.</span>
          <button type="button" class="button small quiet" onClick={() => newConversation(app)}>
            New conversation
          </button>
        </div>
      )}
    </section>
  );
}

function ChatInvitation() {
  const app = useApp();
  const suggestions = useSuggestions();
  return (
    <div class="invitation inside">
      <h3>Talk about the picture</h3>
      <p>Ask anything about it; later questions know what was said before.</p>
      <div class="suggestions">
        {suggestions.map((text) => (
          <button key={text} type="button" class="button small" onClick={() => patch(app, "chat", { draft: text })}>
            {text}
          </button>
        ))}
      </div>
    </div>
  );
}

function Message({ message }: { message: ChatMessage }) {
  const { role, text, picture, unread = [], trace, status, model } = message;
  // The server's first goes without saying.
  const usual = useSelect((state) => state.models[0]?.id);
  return (
    <article class={`message ${role}`} aria-label={role === "user" ? "You" : "Model"}>
      {picture !== undefined && <img src={picture.url} alt={`Sent with the question: ${picture.name}`} />}
      {status === "writing" ? <Draft text={text} trace={trace} /> : <MessageText text={text} unread={unread} />}
      {unread.length > 0 && <small class="note">{unreadNote([...new Set(unread.map((span) => span.text))])}</small>}
      {status === "stopped" && <small class="note">Stopped here.</small>}
      {model !== undefined && model !== usual && <small class="note">{model}</small>}
    </article>
  );
}

function MessageText({ text, unread }: { text: string; unread: readonly Span[] }) {
  return (
    <p>
      {keptParts(text, 0, text.length, unread).map((part, i) =>
        part.kind === "kept" ? part.text : <Unread key={i} text={part.text} title="The model cannot read this." />,
      )}
    </p>
  );
}

/** The canvas of an answer that is being written; of a server without traces, its text so far. */
function Draft({ text, trace }: { text: string; trace: Trace | undefined }) {
  if (trace === undefined) {
    return (
      <p class="waiting">
        {text === "" && <span class="spinner" aria-hidden="true" />}
        {text === "" ? "Thinking" : text}
      </p>
    );
  }
  const cells = cellsAt(trace, trace.steps.length);
  const end = cells.findIndex(({ token }) => isSpecial(token));
  return (
    <p class="draft" aria-busy="true">
      {cells
        .slice(0, end < 0 ? undefined : end)
        .map(({ position, kind, token }) =>
          kind === "mask" ? <span key={position} class="token mask" aria-hidden="true" /> : token,
        )}
    </p>
  );
}
