import { useApp, useSelect } from "../app/app.js";
import { Field, NumberField, Range, Segmented, Select } from "../ui/controls.js";
import { RunButton } from "../ui/run-button.js";
import { runBoth, setSettings, stopRuns } from "./describe-actions.js";
import { isRunning } from "./describe-state.js";
import { DEFAULT_PROMPT } from "./settings.js";

export function SettingsCard() {
  const app = useApp();
  const settings = useSelect((state) => state.describe.settings);
  const model = useSelect((state) => state.model?.rediff);
  const running = useSelect((state) => isRunning(state.describe.comparison));
  const ready = useSelect((state) => state.server === "ready");
  return (
    <form
      class="card settings"
      onSubmit={(event) => {
        event.preventDefault();
        if (!running) void runBoth(app);
      }}
    >
      <Field label="Question">
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
      <div class="settings-row">
        {settings.pace === "tokens" ? (
          <Range
            label="Tokens per step"
            min={1}
            max={16}
            value={settings.tokensPerStep}
            onChange={(tokensPerStep) => setSettings(app, { tokensPerStep })}
          />
        ) : (
          <Range
            label="Sure enough from"
            min={0.5}
            max={1}
            step={0.01}
            value={settings.threshold}
            text={`${Math.round(settings.threshold * 100)} %`}
            onChange={(threshold) => setSettings(app, { threshold })}
          />
        )}
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
          placeholder="any"
          max={2 ** 31 - 1}
          onChange={(seed) => setSettings(app, { seed })}
        />
        <RunButton running={running} ready={ready} icon="play" text="Run both" onStop={() => stopRuns(app)} />
      </div>
      <MoreSettings />
    </form>
  );
}

function MoreSettings() {
  const app = useApp();
  const settings = useSelect((state) => state.describe.settings);
  const join = useSelect((state) => state.model?.rediff.image_join);
  return (
    <details class="more">
      <summary>More settings</summary>
      <div class="more-grid">
        <Segmented
          label="Written in one step"
          value={settings.pace}
          options={[
            { value: "tokens", text: "A number of tokens" },
            { value: "threshold", text: "All that are sure" },
          ]}
          onChange={(pace) => setSettings(app, { pace })}
        />
        <NumberField
          label="Block length"
          note="Blocks are written one after the other."
          value={settings.blockLength}
          min={1}
          placeholder="the answer's"
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
        <NumberField
          label="Revised at most in a step"
          note="ReDiff only (revise_topk)."
          value={settings.reviseTopk}
          min={1}
          placeholder="all"
          onChange={(reviseTopk) => setSettings(app, { reviseTopk })}
        />
        <NumberField
          label="Revise from step"
          note="ReDiff only (revise_start)."
          value={settings.reviseStart}
          placeholder="the first"
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
