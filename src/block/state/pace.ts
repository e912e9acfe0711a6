import { Deferred } from '../../base/deferred.ts';
import type { Limits } from '../files/environment.ts';

/** What writes may add before a checkpoint that has just begun gets anywhere, as a part of what makes one due. */
const HEAD_START = 1 / 8;
/** How often writes that wait look again. */
const STEPS = 128;

/**
 * Keeps writes behind a running checkpoint: what they add since it began stays below what makes the next one due, and
 * grows with the part that is merged. So there is never more to recover than twice that, and no write waits for all of it.
 */
export class Pace {
  readonly #limits: Limits;
  readonly #slotsBefore: number;
  #merged = 0;
  #told = 0;
  #step = new Deferred();

  /** @param slotsBefore slots that the log had when the checkpoint began. */
  constructor(limits: Limits, slotsBefore: number) {
    this.#limits = limits;
    this.#slotsBefore = slotsBefore;
  }

  /** @param changes that are newer than the checkpoint. @param slots of the log by now. */
  mustWait(changes: number, slots: number): boolean {
    const part = HEAD_START + (1 - HEAD_START) * this.#merged;
    return (
      changes >= this.#limits.checkpointChanges * part ||
      slots - this.#slotsBefore >= this.#limits.checkpointSlots * part
    );
  }

  /** Resolves when the checkpoint got further or ended, whichever way. */
  moved(): Promise<void> {
    return this.#step.promise;
  }

  /** @param merged from 0 to 1. */
  advance(merged: number): void {
    this.#merged = merged;
    if (merged - this.#told < 1 / STEPS) return;
    this.#told = merged;
    this.#wake();
  }

  end(): void {
    this.#wake();
  }

  #wake(): void {
    const step = this.#step;
    this.#step = new Deferred();
    step.resolve();
  }
}
