// @ts-check
/** What stops the fetching of wheels, by either way: its kind decides what the user is told to do. */

/** @typedef {"network" | "notfound" | "disk" | "hash" | "settings" | "pip"} FailureKind */

export class WheelFailure extends Error {
  /** @override */
  name = "WheelFailure";

  /**
   * @param {FailureKind} kind
   * @param {string} message
   * @param {{ needed?: number, available?: number, folder?: string }} [room] of a full disk: bytes
   */
  constructor(kind, message, room = {}) {
    super(message);
    this.kind = kind;
    this.room = room;
  }
}

/**
 * An address as it may be shown: without credentials, and without what signs it.
 * @param {string | URL} url
 */
export function shownUrl(url) {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
