/** Streams in the shape that the NBD server serves: one to read, one to write in order. */
import { SystemError } from '../base/errors.ts';
import { MiB } from '../base/units.ts';
import type { BlockExtent, Export } from '../nbd/export.ts';
import { CHUNK_BYTES } from '../stream/stream-header.ts';
import type { StreamSource } from '../stream/stream-source.ts';
import type { Spool } from './spool.ts';

const BLOCK_SIZE = { minimum: 1, preferred: CHUNK_BYTES, maximum: 32 * MiB } as const;

function refused(what: string): Promise<never> {
  return Promise.reject(new SystemError('denied', 'NOT_A_DISK', `${what} makes no sense on a stream`));
}

/** What both ways have in common: a stream is bytes in order, and nothing of it is a hole. */
abstract class StreamExport {
  readonly blockSize = BLOCK_SIZE;
  /** The transfer. */
  readonly description: string;

  constructor(transferId: string) {
    this.description = transferId;
  }

  trim = (): Promise<void> => refused('trim');
  zero = (): Promise<void> => refused('zeroing');

  blockStatus(_offset: number, length: number): Promise<readonly BlockExtent[]> {
    return Promise.resolve([{ lengthBytes: length, hole: false, zero: false }]);
  }
}

export class SendExport extends StreamExport implements Export {
  readonly readOnly = true;
  readonly #source: StreamSource;

  constructor(source: StreamSource, transferId: string) {
    super(transferId);
    this.#source = source;
  }

  get sizeBytes(): number {
    return this.#source.sizeBytes;
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return this.#source.read(offset, length);
  }

  write = (): Promise<void> => refused('writing');

  flush(): Promise<void> {
    return Promise.resolve();
  }
}

export class ReceiveExport extends StreamExport implements Export {
  readonly readOnly = false;
  readonly #spool: Spool;

  constructor(spool: Spool, transferId: string) {
    super(transferId);
    this.#spool = spool;
  }

  get sizeBytes(): number {
    return this.#spool.sizeBytes;
  }

  /** What has not come yet reads as zeroes. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const out = new Uint8Array(length);
    out.set(await this.#spool.read(offset, length));
    return out;
  }

  async write(offset: number, data: Uint8Array, { fua }: { readonly fua: boolean }): Promise<void> {
    await this.#spool.write(offset, data);
    if (fua) await this.#spool.sync();
  }

  flush(): Promise<void> {
    return this.#spool.sync();
  }
}
