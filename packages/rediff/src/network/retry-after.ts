/** How long a server asks us to wait: Retry-After in seconds, or as a date (RFC 9110).
 *
 *  A date is compared with the server's own (the Date header), not with this machine's clock, which may be wrong.
 *  @returns milliseconds, at least 0; undefined where it says nothing that can be understood */
export function retryAfterMs(
  text: string | null | undefined,
  serverDate: string | null | undefined,
): number | undefined {
  const trimmed = text?.trim() ?? "";
  if (trimmed === "") return undefined;
  const seconds = Number(trimmed);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const now = Date.parse(serverDate ?? "");
  const ms = Date.parse(trimmed) - (Number.isFinite(now) ? now : Date.now());
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
