import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Disk } from '../block/disk.ts';
import type { Pin } from '../block/format/pin.ts';

/** Disks without clients that are open because they are being sealed anew. Whoever wants one has it closed. */
export class ReencryptionRuns {
  readonly #log: Logger;
  readonly #onPin: (diskId: string, pin: Pin) => void;
  readonly #disks = new Map<string, Disk>();

  constructor(log: Logger, onPin: (diskId: string, pin: Pin) => void) {
    this.#log = log;
    this.#onPin = onPin;
  }

  get(diskId: string): Disk | undefined {
    return this.#disks.get(diskId);
  }

  add(diskId: string, disk: Disk): void {
    disk.onPin = (pin) => this.#onPin(diskId, pin);
    this.#disks.set(diskId, disk);
  }

  /** Closes the disk, if it is here. Never rejects: what was not done is done when the disk opens again. */
  async stop(diskId: string): Promise<void> {
    const disk = this.#disks.get(diskId);
    if (disk === undefined) return;
    this.#disks.delete(diskId);
    try {
      this.#onPin(diskId, await disk.close());
    } catch (error) {
      this.#log.warn({ diskId, reason: messageOf(error) }, 'a disk that was sealed anew could not be closed in order');
      await disk.abandon();
    }
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#disks.keys()].map((diskId) => this.stop(diskId)));
  }
}
