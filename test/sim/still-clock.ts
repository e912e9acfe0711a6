import type { Clock } from '../../src/base/clock.ts';

/** Time stands still, whoever waits goes on at once, and nothing happens again and again. */
export const stillClock: Clock = {
  nowMs: () => 0,
  monotonicMs: () => 0,
  sleep: () => Promise.resolve(),
  every: () => ({ [Symbol.dispose]: () => undefined }),
};
