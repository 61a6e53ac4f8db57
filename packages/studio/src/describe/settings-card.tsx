import { useApp, useSelect } from "../app/app.js";
import { answering } from "../models/answering.js";
import { Field, NumberField, Range, Segmented, Select } from "../ui/controls.js";
import { percent } from "../ui/percent.js";
import { RunButton } from "../ui/run-button.js";
import { unreadNote } from "../ui/unread.js";
import { runBoth, setBaseline, setSettings, stopRuns } from "./describe-actions.js";
import { baselinesOf, isRunning, sidesOf, unreadWords } from "./describe-state.js";
import { DEFAULT_PROMPT } from "./settings.js";

export function SettingsCard() {
  const app = useApp();
  const settings = useSelect((state) => state.describe.settings);
  const model = useSelect((state) => answering(state)?.rediff);
  const running = useSelect((state) => isRunning(state.describe.comparison));
  const ready = useSelect((state) => state.server === "ready");
  const comparison = useSelect((state) => state.describe.comparison);
  // Of this very question; another one is another matter.
  const unread =
    comparison?.file === undefined && comparison?.prompt === settings.prompt ? unreadWords(comparison) : [];
  return (
    <form
      class="card settings"
      onSubmit={(event) => {
        event.preventDefault();
        if (!running) void runBoth(app);
      }}
    >
      <Field label="Question" {...(unread.length > 0 && { note: unreadNote(unread) })}>
        {(ids) => (
          <textarea
            {...ids}
            rows={1}
            value={settings.prompt}
            placeholder={DEFAULT_PROMPT}
            onInput={({ currentTarget }) => setSettings(app, { prompt: currentTarget.value })}
            onKeyDown={(event) => {
              if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
              event.preventDefault();
              if (ready && !running) void runBoth(app);
            }}
          />
        )}
      </Field>
      <Baseline />
      <div class="settings-row">
        {settings.pace === "tokens" ? (
          <Range
            label="Tokens per step"
            min={1}
            max={16}
            value={settings.tokensPerStep}
            onChange={(tokensPerStep) => setSettings(app, { tokensPerStep })}
          />
        ) : settings.pace === "threshold" ? (
          <Range
            label="Sure enough from"
            min={0.5}
            max={1}
            step={0.01}
            value={settings.threshold}
            text={percent(settings.threshold)}
            onChange={(threshold) => setSettings(app, { threshold })}
          />
        ) : null}
        <NumberField
          label="Answer length"
          value={settings.genLength}
          min={1}
          {...(model === undefined ? {} : { max: model.max_length, placeholder: String(model.default_gen_length) })}
          onChange={(genLength) => setSettings(app, { genLength })}
        />
        <NumberField
          label="Seed"
          value={settings.seed}
          {...(model === undefined ? {} : { placeholder: String(model.default_seed) })}
          max={2 ** 31 - 1}
          onChange={(seed) => setSettings(app, { seed })}
        />
        <RunButton running={running} ready={ready} icon="play" text="Run both" onStop={() => stopRuns(app)} />
      </div>
      <MoreSettings />
    </form>
  );
}

/** Whom the answering model is compared with, where there is a choice. */
function Baseline() {
  const app = useApp();
  const models = useSelect((state) => state.models);
  const baseline = useSelect((state) => state.describe.baseline);
  const own = useSelect(answering);
  const sides = sidesOf(models, own, baseline);
  if (own === undefined || sides === undefined || models.length < 2) return null;
  return (
    <Segmented
      label={`${sides.revising.title}, compared with`}
      value={sides.plain.model}
      options={baselinesOf(models, own).map((model) => ({
        value: model.id,
        text: model === own ? `itself, not revising` : model.rediff.title,
      }))}
      onChange={(chosen) => setBaseline(app, chosen)}
    />
  );
}

function MoreSettings() {
  const app = useApp();
  const settings = useSelect((state) => state.describe.settings);
  const model = useSelect((state) => answering(state)?.rediff);
  const join = model?.image_join;
  const length = settings.genLength ?? model?.default_gen_length;
  return (
    <details class="more">
      <summary>More settings</summary>
      <div class="more-grid">
        <Select
          label="Written in one step"
          value={settings.pace}
          options={[
            { value: "tokens", text: "A number of tokens" },
            { value: "threshold", text: "All that are sure" },
            { value: "factor", text: "The more, the surer each (factor)" },
            { value: "entropy", text: "What an entropy allows (entropy)" },
          ]}
          onChange={(pace) => setSettings(app, { pace })}
        />
        <Select
          label="Kept of earlier passes"
          value={settings.cache}
          options={[
            { value: "none", text: "nothing: exact" },
            { value: "refresh", text: "keys and values (cache refresh)" },
          ]}
          onChange={(cache) => setSettings(app, { cache })}
        />
        <NumberField
          label="Block length"
          note="Blocks are written one after the other."
          value={settings.blockLength}
          min={1}
          {...(length === undefined ? {} : { placeholder: String(length) })}
          onChange={(blockLength) => setSettings(app, { blockLength })}
        />
        <Range
          label="Temperature"
          note="0 takes the likeliest token."
          min={0}
          max={1.5}
          step={0.1}
          value={settings.temperature}
          text={settings.temperature.toFixed(1)}
          onChange={(temperature) => setSettings(app, { temperature })}
        />
        <Select
          label="Which masks first"
          value={settings.remasking}
          options={[
            { value: "low_confidence", text: "the surest (low_confidence)" },
            { value: "random", text: "at random (random)" },
          ]}
          onChange={(remasking) => setSettings(app, { remasking })}
        />
        <Range
          label="Guidance (cfg_scale)"
          note="0 is off; above, each step costs two passes."
          min={0}
          max={4}
          step={0.5}
          value={settings.cfgScale}
          text={settings.cfgScale.toFixed(1)}
          onChange={(cfgScale) => setSettings(app, { cfgScale })}
        />
        <Range
          label="Share of the words revised"
          note="Where revising: the surest of what a step would rewrite (revise_topk)."
          min={0.1}
          max={1}
          step={0.1}
          value={settings.reviseTopk}
          text={settings.reviseTopk === 1 ? "all" : percent(settings.reviseTopk)}
          onChange={(reviseTopk) => setSettings(app, { reviseTopk })}
        />
        <Range
          label="Share of the steps that revise"
          note="Where revising: the last ones (revise_start)."
          min={0}
          max={1}
          step={0.1}
          value={settings.reviseStart}
          text={settings.reviseStart === 1 ? "all" : percent(settings.reviseStart)}
          onChange={(reviseStart) => setSettings(app, { reviseStart })}
        />
        <Select
          label="Picture into text"
          value={settings.imageJoin}
          options={[
            { value: "model", text: `as the model (${join ?? "its own"})` },
            { value: "legacy", text: "legacy" },
            { value: "correct", text: "correct" },
          ]}
          onChange={(imageJoin) => setSettings(app, { imageJoin })}
        />
      </div>
    </details>
  );
}
