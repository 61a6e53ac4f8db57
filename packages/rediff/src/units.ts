const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** 1234567 -> "1.2 MB"; decimal units, as the hub shows them. */
export function formatBytes(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, Math.abs(bytes))) / 3)));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[power]}`;
}
