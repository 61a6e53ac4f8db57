/** Labelled inputs. Each ties its label and note to its control, so that views need not. */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Labelled {
  label: string;
  note?: string;
}

export function Field({
  label,
  note,
  children,
}: Labelled & { children: (ids: { id: string; "aria-describedby"?: string }) => ComponentChildren }) {
  const id = useId();
  const noteId = `${id}-note`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(note === undefined ? { id } : { id, "aria-describedby": noteId })}
      {note !== undefined && (
        <p class="note" id={noteId}>
          {note}
        </p>
      )}
    </div>
  );
}

export function NumberField({
  value,
  onChange,
  placeholder,
  min = 0,
  max,
  step = 1,
  ...rest
}: Labelled & {
  value: number | undefined;
  onChange: (value: number | undefined) => void;
  placeholder?: string;
  min?: number;
  max?: number;
  step?: number;
}) {
  return (
    <Field {...rest}>
      {(ids) => (
        <input
          {...ids}
          type="number"
          inputMode={step === 1 ? "numeric" : "decimal"}
          value={value ?? ""}
          placeholder={placeholder}
          min={min}
          max={max}
          step={step}
          onInput={({ currentTarget }) => {
            const number = currentTarget.valueAsNumber;
            onChange(
              Number.isNaN(number) ? undefined : Math.min(Math.max(number, min), max ?? Number.POSITIVE_INFINITY),
            );
          }}
        />
      )}
    </Field>
  );
}

export function Range({
  value,
  text = String(value),
  onChange,
  min,
  max,
  step = 1,
  ...rest
}: Labelled & {
  value: number;
  /** How the value reads. */
  text?: string;
  onChange: (value: number) => void;
  min: number;
  max: number;
  step?: number;
}) {
  return (
    <Field {...rest}>
      {(ids) => (
        <div class="range">
          <input
            {...ids}
            type="range"
            value={value}
            min={min}
            max={max}
            step={step}
            aria-valuetext={text}
            onInput={({ currentTarget }) => onChange(currentTarget.valueAsNumber)}
          />
          <output for={ids.id}>{text}</output>
        </div>
      )}
    </Field>
  );
}

export function Select<T extends string>({
  value,
  options,
  onChange,
  ...rest
}: Labelled & { value: T; options: readonly { value: T; text: string }[]; onChange: (value: T) => void }) {
  return (
    <Field {...rest}>
      {(ids) => (
        <select
          {...ids}
          value={value}
          onChange={({ currentTarget }) => {
            const chosen = options.find((option) => option.value === currentTarget.value);
            if (chosen !== undefined) onChange(chosen.value);
          }}
        >
          {options.map((option) => (
            <option key={option.value} value={option.value} selected={option.value === value}>
              {option.text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** One of a few, all in sight: radio buttons that look like one control. */
export function Segmented<T extends string | number>({
  label,
  value,
  options,
  onChange,
  disabled = false,
  hideLabel = false,
}: {
  label: string;
  value: T | undefined;
  options: readonly { value: T; text: string }[];
  onChange: (value: T) => void;
  disabled?: boolean;
  hideLabel?: boolean;
}) {
  const name = useId();
  return (
    <fieldset class="segmented" disabled={disabled}>
      <legend class={hideLabel ? "visually-hidden" : undefined}>{label}</legend>
      <div>
        {options.map((option) => (
          <label key={option.value}>
            <input type="radio" name={name} checked={option.value === value} onChange={() => onChange(option.value)} />
            <span>{option.text}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
