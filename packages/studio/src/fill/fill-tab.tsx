/** A text with blanks in, the same text with the blanks filled out. */
import { useRef } from "preact/hooks";
import { patch, useApp, useSelect } from "../app/app.js";
import type { State } from "../app/app-state.js";
import { galleryTemplates } from "../gallery/gallery.js";
import { TextGallery } from "../gallery/text-gallery.js";
import { StaleNote } from "../picture/stale-note.js";
import { Verdict } from "../scene/judged-text.js";
import { LiveText } from "../text/live-text.js";
import { Field, NumberField, Range } from "../ui/controls.js";
import { CopyButton } from "../ui/copy.js";
import { Icon } from "../ui/icons.js";
import { ProblemNotice } from "../ui/notice.js";
import { RunButton } from "../ui/run-button.js";
import { Unread, UnreadLegend } from "../ui/unread.js";
import { fillTemplate, setTemplate, stopFilling } from "./fill-actions.js";
import { filledParts, insertBlank, parseTemplate } from "./fill-template.js";

type Result = NonNullable<State["fill"]["result"]>;

export function FillTab() {
  const app = useApp();
  const { template, tokensPerStep, blankTokens, busy, live, result, problem } = useSelect((state) => state.fill);
  const ready = useSelect((state) => state.server === "ready");
  const catalog = useSelect((state) => state.catalog);
  const area = useRef<HTMLTextAreaElement>(null);
  const insert = () => {
    const { selectionStart, selectionEnd } = area.current ?? {
      selectionStart: template.length,
      selectionEnd: template.length,
    };
    const next = insertBlank(template, { start: selectionStart, end: selectionEnd }, blankTokens);
    patch(app, "fill", { template: next.template, problem: undefined });
    // After the text is there, the cursor goes behind the blank.
    requestAnimationFrame(() => {
      area.current?.focus();
      area.current?.setSelectionRange(next.cursor, next.cursor);
    });
  };
  return (
    <>
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          void fillTemplate(app);
        }}
      >
        <Field label="Text with blanks" note="A blank [[N]] has room for N tokens. Every other word stays as it is.">
          {(ids) => (
            <textarea
              {...ids}
              ref={area}
              rows={4}
              value={template}
              placeholder={catalog === undefined ? "A [[2]] sits on the [[1]]." : galleryTemplates(catalog)[0]?.text}
              onInput={({ currentTarget }) => patch(app, "fill", { template: currentTarget.value, problem: undefined })}
            />
          )}
        </Field>
        <div class="row">
          <NumberField
            label="Tokens of a blank"
            value={blankTokens}
            min={1}
            max={99}
            onChange={(value) => patch(app, "fill", { blankTokens: value ?? 1 })}
          />
          <button type="button" class="button align-end" onClick={insert}>
            <Icon name="plus" />
            Insert a blank
          </button>
        </div>
        <Preview template={template} />
        <div class="settings-row two">
          <Range
            label="Tokens per step"
            min={1}
            max={8}
            value={tokensPerStep}
            onChange={(value) => patch(app, "fill", { tokensPerStep: value })}
          />
          <RunButton running={busy} ready={ready} text="Fill the blanks" onStop={() => stopFilling(app)} />
        </div>
      </form>
      {problem !== undefined && <ProblemNotice problem={problem} onRetry={() => void fillTemplate(app)} />}
      {busy && <LiveText live={live} what="Filling the blanks" />}
      {result !== undefined ? (
        <ResultCard result={result} />
      ) : (
        problem === undefined &&
        !busy && (
          <>
            {catalog !== undefined && (
              <TextGallery
                catalog={catalog}
                title="Templates to start from"
                note="Captions of scenes with their names, places, numbers or colours left open."
                texts={galleryTemplates(catalog)}
                onChoose={(text) => setTemplate(app, text)}
              />
            )}
            <div class="card invitation">
              <div class="invitation-art" aria-hidden="true">
                <span class="art-word">there are</span>
                <span class="art-mask" />
                <span class="art-mask" />
                <span class="art-word">on the left</span>
              </div>
              <h3>Write the frame, leave the facts to the model</h3>
              <p>
                A diffusion model fills gaps anywhere in a text, not only at its end. It sees what stands before and
                after.
              </p>
            </div>
          </>
        )
      )}
    </>
  );
}

function Preview({ template }: { template: string }) {
  const parts = parseTemplate(template);
  if (!parts.some(({ kind }) => kind === "blank")) return null;
  return (
    <p class="template-preview">
      {parts.map((part, i) =>
        part.kind === "text" ? (
          part.text
        ) : (
          <span key={i} class="blank" title={`${part.tokens} tokens`}>
            {part.tokens === 1 ? "1 token" : `${part.tokens} tokens`}
          </span>
        ),
      )}
    </p>
  );
}

function ResultCard({ result: { text, blanks, unread, steps, seconds, pictureKey, facts } }: { result: Result }) {
  return (
    <section class="card" aria-labelledby="filled">
      <div class="card-head">
        <div class="row headed">
          <h3 id="filled">Filled</h3>
          {facts !== undefined && <Verdict text={text} facts={facts} whole={false} />}
        </div>
        <span class="note">
          {steps === 1 ? "1 step" : `${steps} steps`}, {seconds.toFixed(2)} s
        </span>
      </div>
      <StaleNote pictureKey={pictureKey} what="This was filled" />
      <p class="marked-text" data-testid="filled">
        {filledParts(text, blanks, unread).map((part, i) => {
          if (part.kind === "kept") return part.text;
          if (part.kind === "unread") return <Unread key={i} text={part.text} />;
          return (
            <mark key={i} class="filled">
              {part.text}
            </mark>
          );
        })}
      </p>
      {unread.length > 0 && <UnreadLegend />}
      <div class="row end">
        <CopyButton text={text} label="Copy the text" />
      </div>
    </section>
  );
}
