/** Time as an argument, so that everything can run under a fake clock. All values are whole milliseconds. */
export interface Clock {
  /** Milliseconds since the Unix epoch. May go backwards. */
  nowMs(): number;
  /** Milliseconds since an arbitrary start. Never goes backwards. */
  monotonicMs(): number;
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `tick` every `ms` until disposed. Does not keep the process alive. */
  every(ms: number, tick: () => void): Disposable;
}

/** `yyyy-MM-ddTHH:mm:ssZ`, UTC: the form of every timestamp in the API. */
export function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
