import { isKind, messageOf } from '../../base/errors.ts';
import type { Pin } from '../format/pin.ts';
import type { OpenParts } from '../state/open-parts.ts';
import { Reencryption } from './reencryption.ts';
import type { ReencryptionProgress } from './reencryption.ts';
import { commitDataKey } from './rotation.ts';
import type { Rotation } from './rotation.ts';

/** A re-encryption that failed, for example for lack of space, begins again after this long, so many times. */
const RETRY_MS = 30_000;
const TRIES = 5;

/** Gives an open disk other data keys, and sees to it that everything is sealed anew under the newest one. */
export class KeyChanges {
  readonly #parts: OpenParts;
  readonly #reencryption: Reencryption;
  #running: Promise<void> | undefined;
  #failures = 0;
  #rotating = false;

  constructor(parts: OpenParts) {
    this.#parts = parts;
    this.#reencryption = new Reencryption(parts);
  }

  /** Undefined when everything is sealed under the disk's data key and suite. */
  get progress(): ReencryptionProgress | undefined {
    return this.#reencryption.progress;
  }

  /** See `Disk.rotate`. */
  async rotate(rotation: Rotation): Promise<Pin> {
    const { state, commits } = this.#parts;
    this.#rotating = true;
    try {
      // What is old is known anew after the head.
      await this.stop();
      const work = await this.#reencryption.count();
      return await commits.inTurn(async () => {
        await commitDataKey(state, rotation, work);
        commits.tell();
        await state.spares.clear();
        if (state.session !== undefined) await commits.commitTable(true);
        return state.pin;
      });
    } finally {
      this.#rotating = false;
      this.reencryptIfDue();
    }
  }

  /** See `Disk.configureReencryption`. */
  async configure(changes: { readonly paused?: boolean; readonly bytesPerSecond?: number }): Promise<void> {
    const { state, commits } = this.#parts;
    if (changes.paused === true) await this.stop();
    await commits.inTurn(async () => {
      const { reencryption } = state.head;
      if (reencryption !== undefined) await commits.writeHead({ reencryption: { ...reencryption, ...changes } });
    });
    this.reencryptIfDue();
  }

  /** The re-encryption that runs ends soon; resolves when it has. */
  async stop(): Promise<void> {
    this.#reencryption.stop();
    await this.#running;
  }

  /** Resolves when the re-encryption that runs has ended, is paused or has failed. */
  async ended(): Promise<void> {
    await this.#running;
  }

  /** Returns at once. What failed is tried again some time later; after some failures with the next checkpoint or open. */
  reencryptIfDue(): void {
    const { state, readOnly, operations } = this.#parts;
    const { reencryption } = state.head;
    if (this.#running !== undefined || reencryption === undefined || reencryption.paused) return;
    if (readOnly || this.#rotating || !operations.isOpen) return;
    this.#reencryption.resume();
    this.#running = this.#reencryption
      .run()
      .then(
        () => {
          this.#failures = 0;
        },
        (error: unknown) => {
          if (isKind(error, 'conflict')) return;
          this.#failures += 1;
          const { env, head } = state;
          env.log.warn(
            { diskId: head.diskId, reason: messageOf(error) },
            'the re-encryption failed and is tried again',
          );
        },
      )
      .finally(() => {
        this.#running = undefined;
        if (this.#failures > 0 && this.#failures < TRIES) this.#tryAgainLater();
      });
  }

  #tryAgainLater(): void {
    const { state, operations } = this.#parts;
    void state.env.clock.sleep(RETRY_MS, operations.signal).then(
      () => this.reencryptIfDue(),
      () => undefined,
    );
  }
}
