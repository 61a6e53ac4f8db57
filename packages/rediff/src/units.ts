/** Amounts as people read them. */
const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** 1234567 -> "1.2 MB"; decimal units, as the hub shows them. */
export function formatBytes(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, Math.abs(bytes))) / 3)));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[power]}`;
}

/** 3725 -> "1h02m", 65 -> "1m05s". */
export function formatDuration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${two(Math.floor((whole % 3600) / 60))}m`;
}

/** A learning rate: 0.0000049 -> "4.9e-6". */
export const formatRate = (rate: number): string => (rate === 0 ? "0" : rate.toExponential(2).replace(/\.?0+e/, "e"));
