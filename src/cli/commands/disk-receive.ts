import { isKind, SystemError } from '../../base/errors.ts';
import { systemClock } from '../../base/system-clock.ts';
import { MiB } from '../../base/units.ts';
import type { NbdClient } from '../../nbd/client.ts';
import { STREAM_HEADER_BYTES } from '../../stream/stream-header.ts';
import { ByteSource } from '../byte-source.ts';
import type { Output } from '../output.ts';
import { ProgressBar } from '../progress-bar.ts';
import { dataDirectoryOf } from '../server-location.ts';
import { callSealdisk } from '../signed-call.ts';
import { connectTo, untilThrough, type OpenedTransfer } from '../transfer-client.ts';
import { byteCount, passphraseOf } from './disk-send.ts';

const PIECE_BYTES = MiB;
const PIECES_UNDER_WAY = 8;
/** Bytes that a restart of the server makes us send again are kept in memory until they are durable. */
const FLUSH_EVERY_BYTES = 32 * MiB;
const POLL_MS = 300;

export interface ReceiveOptions {
  readonly dataDir?: string;
  readonly disk?: string;
  readonly key?: string;
  readonly encrypt?: boolean;
  readonly plain?: boolean;
  readonly zone?: string;
  readonly name?: string;
  readonly passphraseFile?: string;
  readonly resume?: string;
  readonly offset?: string;
}

interface Progress {
  readonly Status: string;
  readonly Phase: string;
  readonly DoneBytes: number;
  readonly StreamBytes: number;
  readonly DiskId: string;
  readonly SnapshotId: string;
  readonly ErrorCode: string;
  readonly ErrorMessage: string;
}

/** Reads a stream from standard input, and makes a disk of it or brings one along. */
export async function diskReceive(options: ReceiveOptions, output: Output): Promise<void> {
  const dataDirectory = dataDirectoryOf(options);
  const secret = passphraseOf(options.passphraseFile);
  const source = new ByteSource(process.stdin);
  const header = options.resume === undefined ? await source.take(STREAM_HEADER_BYTES) : undefined;
  if (header !== undefined && header.length < STREAM_HEADER_BYTES)
    throw new SystemError('invalid', 'NOT_A_STREAM', 'there is no stream on standard input');
  const named =
    header === undefined ? { TransferId: options.resume ?? '' } : { Header: Buffer.from(header).toString('base64') };
  const target = {
    ...(options.disk !== undefined && { DiskId: options.disk }),
    ...(options.key !== undefined && { KeyId: options.key }),
    ...(options.encrypt === true && { Encrypted: 'true' }),
    ...(options.plain === true && { Encrypted: 'false' }),
    ...(options.zone !== undefined && { ZoneId: options.zone }),
    ...(options.name !== undefined && { DiskName: options.name }),
  };
  const open = (): Promise<Required<OpenedTransfer>> =>
    callSealdisk(dataDirectory, 'StartReceive', target, { ...named, ...secret });
  const first = await open();
  const { TransferId: transferId, StreamBytes: total } = first;
  if (options.resume !== undefined && options.offset === undefined) {
    output.result({ TransferId: transferId, DurableBytes: first.DurableBytes, StreamBytes: total }, [
      `${first.DurableBytes} of ${total} bytes are durable; go on with`,
      `  sealdisk disk send … --offset ${first.DurableBytes} | sealdisk disk receive --resume ${transferId} --offset ${first.DurableBytes}`,
    ]);
    return;
  }
  if (options.resume === undefined) output.note(`transfer ${transferId}`);
  const begin = options.offset === undefined ? STREAM_HEADER_BYTES : byteCount(options.offset);
  if (begin > first.DurableBytes)
    throw new SystemError(
      'invalid',
      'BAD_OFFSET',
      `only ${first.DurableBytes} bytes are durable; give the stream from there on`,
    );
  await source.skip(first.DurableBytes - begin);
  const upload = new Upload(source, first.DurableBytes, total);
  try {
    let opened: Required<OpenedTransfer> | undefined = first;
    await untilThrough(
      () => upload.durable,
      async () => {
        const now = opened ?? (await open());
        opened = undefined;
        await using client = await connectTo(now);
        await upload.run(client, now.DurableBytes);
      },
    );
  } catch (error) {
    output.note(
      `${upload.durable} of ${total} bytes are durable; go on within a day with the stream from there: sealdisk disk receive --resume ${transferId} --offset ${upload.durable}, or from its start`,
    );
    throw error;
  }
  const done = await finish(dataDirectory, transferId, secret, total);
  await callSealdisk(dataDirectory, 'CancelTransfer', { TransferId: transferId }).catch(() => undefined);
  output.result({ DiskId: done.DiskId, SnapshotId: done.SnapshotId }, [
    `${done.DiskId}   received, as it is in snapshot ${done.SnapshotId}`,
  ]);
}

/** Sends what comes from `source` in order, and keeps what is not durable yet. */
class Upload {
  readonly #source: ByteSource;
  readonly #total: number;
  /** Pieces from `durable` on, in order. */
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  durable: number;

  constructor(source: ByteSource, durable: number, total: number) {
    this.#source = source;
    this.durable = durable;
    this.#total = total;
  }

  async run(client: NbdClient, durableBytes: number): Promise<void> {
    this.#forget(durableBytes);
    using bar = new ProgressBar('receiving', this.#total, this.durable);
    let at = this.durable;
    const underWay: Promise<void>[] = [];
    const send = async (piece: Uint8Array): Promise<void> => {
      const writing = client.write(at, piece);
      writing.catch(() => undefined);
      underWay.push(writing);
      at += piece.length;
      if (underWay.length >= PIECES_UNDER_WAY) await underWay.shift();
      bar.show(at);
    };
    const flush = async (): Promise<void> => {
      await Promise.all(underWay.splice(0));
      await client.flush();
      this.#forget(at);
    };
    // Nothing is forgotten before the flush, so that the list stays.
    for (const piece of this.#kept) await send(piece);
    while (at < this.#total) {
      const piece = await this.#source.take(Math.min(PIECE_BYTES, this.#total - at));
      if (piece.length === 0) {
        await flush();
        throw new SystemError('invalid', 'STREAM_ENDED', `the stream ended after ${at} of ${this.#total} bytes`);
      }
      this.#kept.push(piece);
      this.#keptBytes += piece.length;
      await send(piece);
      if (this.#keptBytes >= FLUSH_EVERY_BYTES) await flush();
    }
    await flush();
  }

  #forget(durable: number): void {
    if (durable < this.durable)
      throw new SystemError(
        'conflict',
        'SPOOL_LOST',
        'the server has lost what it had; receive the stream from its start',
      );
    let excess = durable - this.durable;
    this.durable = durable;
    while (excess > 0) {
      const [piece] = this.#kept;
      if (piece === undefined) break;
      const cut = Math.min(excess, piece.length);
      if (cut === piece.length) this.#kept.shift();
      else this.#kept[0] = piece.subarray(cut);
      this.#keptBytes -= cut;
      excess -= cut;
    }
  }
}

async function finish(
  dataDirectory: string,
  transferId: string,
  secret: { readonly Passphrase?: string },
  total: number,
): Promise<Progress> {
  using bar = new ProgressBar('verifying and applying', 2 * total);
  let polls = 0;
  return untilThrough(
    () => polls,
    async () => {
      let now = await callSealdisk<Progress>(dataDirectory, 'FinishReceive', { TransferId: transferId }, secret);
      for (;;) {
        if (now.Status === 'Done') return now;
        if (now.ErrorCode === 'Interrupted') throw new SystemError('unavailable', 'INTERRUPTED', now.ErrorMessage);
        if (now.ErrorCode !== '' && now.Phase !== 'verifying' && now.Phase !== 'applying')
          throw new SystemError('corrupt', now.ErrorCode, now.ErrorMessage);
        if (now.Phase === 'verifying' || now.Phase === 'applying')
          bar.show(now.DoneBytes + (now.Phase === 'applying' ? total : 0));
        await systemClock.sleep(POLL_MS);
        const listed = await callSealdisk<{ Transfers: { Transfer: readonly Progress[] } }>(
          dataDirectory,
          'DescribeTransfers',
          { TransferId: transferId },
        );
        const [next] = listed.Transfers.Transfer;
        if (next === undefined) throw new SystemError('not-found', 'NO_TRANSFER', 'the transfer was cancelled');
        now = next;
        polls += 1;
      }
    },
  ).catch((error: unknown) => {
    if (isKind(error, 'corrupt') && error.code === 'NOT_AT_BASE')
      throw new SystemError('conflict', error.code, error.message, { cause: error });
    throw error;
  });
}
