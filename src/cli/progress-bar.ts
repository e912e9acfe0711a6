import { systemClock } from '../base/system-clock.ts';
import { MiB } from '../base/units.ts';

const WIDTH = 30;
const EVERY_MS = 200;

/** One line on standard error that says how far something is; nothing where that is no terminal. */
export class ProgressBar implements Disposable {
  readonly #label: string;
  readonly #total: number;
  readonly #shown = process.stderr.isTTY;
  readonly #startMs = systemClock.monotonicMs();
  readonly #startBytes: number;
  #lastMs = 0;

  constructor(label: string, totalBytes: number, doneBytes = 0) {
    this.#label = label;
    this.#total = totalBytes;
    this.#startBytes = doneBytes;
  }

  show(doneBytes: number): void {
    const nowMs = systemClock.monotonicMs();
    if (!this.#shown || (nowMs - this.#lastMs < EVERY_MS && doneBytes < this.#total)) return;
    this.#lastMs = nowMs;
    const share = this.#total === 0 ? 1 : doneBytes / this.#total;
    const filled = Math.round(share * WIDTH);
    const seconds = Math.max(0.001, (nowMs - this.#startMs) / 1000);
    const rate = (doneBytes - this.#startBytes) / MiB / seconds;
    const bar = '#'.repeat(filled) + '.'.repeat(WIDTH - filled);
    const figures = `${Math.floor(share * 100)} % of ${(this.#total / MiB).toFixed(1)} MiB, ${rate.toFixed(0)} MiB/s`;
    process.stderr.write(`\r\u001b[K${this.#label} ${bar} ${figures}`);
  }

  /** Leaves the line. */
  [Symbol.dispose](): void {
    if (this.#shown && this.#lastMs > 0) process.stderr.write('\n');
  }
}
