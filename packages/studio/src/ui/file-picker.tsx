/** Choosing a file by a button: the browser's own input, out of sight, and what opens it. */
import type { ComponentChild } from "preact";
import { useRef } from "preact/hooks";

export function useFilePicker(
  label: string,
  accept: string,
  onFile: (file: File) => void,
): { input: ComponentChild; choose: () => void } {
  const input = useRef<HTMLInputElement>(null);
  return {
    input: (
      <input
        ref={input}
        class="visually-hidden"
        type="file"
        accept={accept}
        aria-label={label}
        tabIndex={-1}
        onChange={({ currentTarget }) => {
          const [file] = currentTarget.files ?? [];
          if (file !== undefined) onFile(file);
          currentTarget.value = ""; // so that the same file can be chosen again
        }}
      />
    ),
    choose: () => input.current?.click(),
  };
}
