/** A description and its picture in, proposed edits out; the user decides about each. */

import type { Facts } from "../../../rediff/src/scenes/world/facts.js";
import { patch, useApp, useSelect } from "../app/app.js";
import { galleryDrafts, rightDrafts } from "../gallery/gallery.js";
import { TextGallery } from "../gallery/text-gallery.js";
import { answering } from "../models/answering.js";
import { hasPicture } from "../picture/picture-actions.js";
import { StaleNote } from "../picture/stale-note.js";
import { JudgedLegend, JudgedText, Verdict } from "../scene/judged-text.js";
import { LiveText } from "../text/live-text.js";
import { Field } from "../ui/controls.js";
import { CopyButton } from "../ui/copy.js";
import { Icon } from "../ui/icons.js";
import { ProblemNotice } from "../ui/notice.js";
import { percent } from "../ui/percent.js";
import { RunButton } from "../ui/run-button.js";
import { Unread, UnreadLegend } from "../ui/unread.js";
import { applyEdits, type Edit, segmentsOf } from "./edits.js";
import { decide, proofread, setDraft, stopProofreading } from "./proofread-actions.js";
import type { Review } from "./proofread-state.js";
import { rewrittenSentences } from "./rewritten.js";

export function ProofreadTab() {
  const app = useApp();
  const { draft, busy, live, review, problem } = useSelect((state) => state.proofread);
  const ready = useSelect((state) => state.server === "ready");
  const catalog = useSelect((state) => state.catalog);
  const revises = useSelect((state) => answering(state)?.rediff.revises);
  useSelect((state) => state.picture);
  return (
    <>
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          void proofread(app);
        }}
      >
        <Field
          label="Description to check"
          note={hasPicture(app) ? "It is checked against the picture." : "Choose the picture that it is about first."}
        >
          {(ids) => (
            <textarea
              {...ids}
              rows={4}
              value={draft}
              placeholder="Paste a caption: one that you wrote, or another model's."
              onInput={({ currentTarget }) => patch(app, "proofread", { draft: currentTarget.value })}
            />
          )}
        </Field>
        <div class="row end">
          <RunButton running={busy} ready={ready} icon="check" text="Proofread" onStop={() => stopProofreading(app)} />
        </div>
      </form>
      {revises === false && <p class="note">This model was not trained to revise: its edits may do harm.</p>}
      {problem !== undefined && <ProblemNotice problem={problem} onRetry={() => void proofread(app)} />}
      {busy && <LiveText live={live} what="Reading it against the picture" />}
      {review !== undefined ? (
        <ReviewCard review={review} />
      ) : (
        !busy &&
        problem === undefined && (
          <>
            {catalog !== undefined && (
              <TextGallery
                catalog={catalog}
                title="Captions to start from"
                note={`Each comes with its scene. One fact was changed in each but ${rightDrafts}: which, is told after proofreading.`}
                texts={galleryDrafts(catalog)}
                onChoose={(text) => setDraft(app, text)}
              />
            )}
            <div class="card invitation">
              <div class="invitation-art" aria-hidden="true">
                <span class="art-word">a</span>
                <span class="art-deleted">cat</span>
                <span class="art-revised">dog</span>
                <span class="art-word">at the top left</span>
              </div>
              <h3>Have a caption checked</h3>
              <p>
                The model reads your words against the picture and proposes others where they do not fit. Each edit is
                yours to take or leave.
              </p>
            </div>
          </>
        )
      )}
    </>
  );
}

function ReviewCard({ review }: { review: Review }) {
  const app = useApp();
  const { draft, edits, unread, rejected, facts, rounds, seconds } = review;
  const result = applyEdits(draft, edits, (index) => !rejected.has(index));
  const taken = edits.length - rejected.size;
  return (
    <section class="card review" aria-labelledby="review">
      <div class="card-head">
        <div>
          <h3 id="review">
            {edits.length === 0 ? "Nothing to mend" : edits.length === 1 ? "1 edit" : `${edits.length} edits`}
          </h3>
          <p class="note">
            {rounds === 1 ? "1 round" : `${rounds} rounds`}, {seconds.toFixed(2)} s
          </p>
        </div>
        {edits.length > 0 && (
          <span class="row tight">
            <button type="button" class="button small" onClick={() => decide(app, true)}>
              Accept all
            </button>
            <button type="button" class="button small" onClick={() => decide(app, false)}>
              Reject all
            </button>
          </span>
        )}
      </div>
      <StaleNote pictureKey={review.pictureKey} what="These edits were made" />
      {(edits.length > 0 || unread.length > 0) && (
        <p class="marked-text">
          {segmentsOf(draft, edits, unread).map((segment, i) => {
            if (segment.kind === "kept") return segment.text;
            if (segment.kind === "unread") return <Unread key={i} text={segment.text} />;
            const { edit, index } = segment;
            return <EditMark key={i} edit={edit} index={index} accepted={!rejected.has(index)} />;
          })}
        </p>
      )}
      {unread.length > 0 && <UnreadLegend />}
      <Rewritten review={review} />
      <div class="result">
        <div class="row headed">
          <h4>Result</h4>
          {edits.length > 0 && <span class="chip">{`${taken} of ${edits.length} accepted`}</span>}
          {facts !== undefined && <Verdict text={result} facts={facts} />}
        </div>
        {facts === undefined ? (
          <p data-testid="result">{result}</p>
        ) : (
          <JudgedText text={result} facts={facts} testId="result" />
        )}
        <div class="row end">
          <CopyButton text={result} label="Copy the result" />
        </div>
      </div>
      {facts !== undefined && <DraftTruth draft={draft} facts={facts} />}
    </section>
  );
}

/** Where hardly a word of a sentence is left, that is no repair: it is another sentence. */
function Rewritten({ review: { draft, edits } }: { review: Review }) {
  const sentences = rewrittenSentences(draft, edits);
  if (sentences.length === 0) return null;
  return (
    <div class="notice rewritten" role="note">
      <Icon name="info" />
      <div class="notice-text">
        <strong>
          {sentences.length === 1
            ? "A whole sentence was rewritten"
            : `${sentences.length} whole sentences were rewritten`}
        </strong>
        {sentences.map(({ from, to, words, changed, confidence }) => (
          <p key={from}>
            {`"${from}" ${to === "" ? "was taken out" : `became "${to}"`}: ${changed} of ${words} words, ${percent(confidence)} sure of the least sure.`}
          </p>
        ))}
      </div>
    </div>
  );
}

/** The draft as it was, against the composed scene. */
function DraftTruth({ draft, facts }: { draft: string; facts: Facts }) {
  return (
    <div class="truth">
      <div class="row headed">
        <h4>The draft as it was</h4>
        <Verdict text={draft} facts={facts} />
      </div>
      <JudgedText text={draft} facts={facts} testId="judged-draft" />
      <JudgedLegend />
    </div>
  );
}

function EditMark({ edit, index, accepted }: { edit: Edit; index: number; accepted: boolean }) {
  const app = useApp();
  const { confidence } = edit;
  const lead = commonLead(edit);
  const [from, to] = [edit.from.slice(lead.length), edit.to.slice(lead.length)];
  const what = from === "" ? `insert "${to}"` : to === "" ? `remove "${from}"` : `"${from}" to "${to}"`;
  return [
    lead,
    <span
      key="edit"
      class={accepted ? "edit accepted" : "edit rejected"}
      title={`${Math.round(confidence * 100)} % sure`}
    >
      {from !== "" && <del>{from}</del>}
      {to !== "" && <ins>{to}</ins>}
      <button
        type="button"
        aria-label={`Accept ${what}`}
        aria-pressed={accepted}
        onClick={() => decide(app, true, index)}
      >
        <Icon name="check" />
      </button>
      <button
        type="button"
        aria-label={`Reject ${what}`}
        aria-pressed={!accepted}
        onClick={() => decide(app, false, index)}
      >
        <Icon name="cross" />
      </button>
    </span>,
  ];
}

/** White space that both begin with stands before the mark, not in it. */
function commonLead({ from, to }: Edit): string {
  const lead = /^\s*/.exec(from)?.[0] ?? "";
  return to.startsWith(lead) ? lead : "";
}
