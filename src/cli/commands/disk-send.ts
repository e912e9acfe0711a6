import { once } from 'node:events';
import { fstatSync, fsyncSync, readFileSync } from 'node:fs';

import { messageOf, SystemError } from '../../base/errors.ts';
import { ProgressBar } from '../progress-bar.ts';
import { callSealdisk } from '../signed-call.ts';
import type { Output } from '../output.ts';
import { dataDirectoryOf } from '../server-location.ts';
import { connectTo, untilThrough, type OpenedTransfer } from '../transfer-client.ts';

/** One chunk of a stream, so that the server makes each once; a few are under way at a time. */
const PIECE_BYTES = 1024 * 1024 + 16;
const PIECES_UNDER_WAY = 4;
const STDOUT_FD = 1;

export interface SendOptions {
  readonly dataDir?: string;
  readonly from?: string;
  readonly key?: string;
  readonly passphraseFile?: string;
  readonly resume?: string;
  readonly offset?: string;
}

/** Writes a snapshot, or what changed since an earlier one, to standard output. */
export async function diskSend(snapshotId: string, options: SendOptions, output: Output): Promise<void> {
  const dataDirectory = dataDirectoryOf(options);
  const offset = byteCount(options.offset ?? '0');
  if (process.stdout.isTTY)
    throw new SystemError('invalid', 'TERMINAL', 'a stream is not for a terminal; send it into a file or a pipe');
  if (offset > 0 && options.resume === undefined)
    throw new SystemError(
      'invalid',
      'NO_TRANSFER',
      'each transfer has a key of its own; --offset needs the transfer that it goes on with: --resume TRANSFER_ID',
    );
  const form = passphraseOf(options.passphraseFile);
  let transferId = options.resume;
  const open = (): Promise<OpenedTransfer> =>
    callSealdisk(
      dataDirectory,
      'StartSnapshotSend',
      {
        SnapshotId: snapshotId,
        ...(transferId === undefined
          ? { ...(options.from !== undefined && { BaseSnapshotId: options.from }), ...keyOf(options.key) }
          : { TransferId: transferId }),
      },
      form,
    );
  let at = offset;
  let total = 0;
  const goOn = (): string => `sealdisk disk send ${snapshotId} --resume ${transferId ?? ''} --offset N`;
  try {
    await untilThrough(
      () => at,
      async () => {
        const opened = await open();
        if (transferId === undefined) output.note(`transfer ${opened.TransferId}`);
        transferId = opened.TransferId;
        total = opened.StreamBytes;
        using bar = new ProgressBar('sending', total, at);
        await using client = await connectTo(opened);
        const ahead: Promise<Uint8Array>[] = [];
        for (let asked = at; at < total;) {
          while (ahead.length < PIECES_UNDER_WAY && asked < total) {
            const length = Math.min(PIECE_BYTES - ((asked - 4096 + PIECE_BYTES) % PIECE_BYTES), total - asked);
            const piece = client.read(asked, length);
            piece.catch(() => undefined);
            ahead.push(piece);
            asked += length;
          }
          const piece = (await ahead.shift()) ?? new Uint8Array(0);
          await toStandardOutput(piece);
          at += piece.length;
          bar.show(at);
        }
      },
    );
  } catch (error) {
    if (transferId !== undefined)
      output.note(
        `stopped after ${at} bytes; go on where the receiving side stands, within a day: ${goOn()} (N = ${at} for a file)`,
      );
    throw error;
  }
  // What a pipe swallowed may still get lost, so that only a file ends the transfer.
  if (transferId !== undefined && isStored()) {
    await callSealdisk(dataDirectory, 'CancelTransfer', { TransferId: transferId }).catch((error: unknown) => {
      output.note(`the transfer stays open for a day: ${messageOf(error)}`);
    });
  }
  output.note(`${total} bytes sent`);
}

export function passphraseOf(file: string | undefined): { readonly Passphrase?: string } {
  if (file === undefined) return {};
  try {
    return { Passphrase: readFileSync(file, 'utf8').replace(/\r?\n$/, '') };
  } catch (cause) {
    throw new SystemError('not-found', 'NO_PASSPHRASE', `the passphrase cannot be read: ${messageOf(cause)}`, {
      cause,
    });
  }
}

export function byteCount(text: string): number {
  const bytes = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(bytes)) return bytes;
  throw new SystemError('invalid', 'BAD_OFFSET', '--offset is a number of bytes');
}

function keyOf(key: string | undefined): { readonly KeyId?: string } {
  return key === undefined ? {} : { KeyId: key };
}

async function toStandardOutput(bytes: Uint8Array): Promise<void> {
  const { stdout } = process;
  const failed = new Promise<never>((_resolve, reject) => {
    stdout.once('error', (error) =>
      reject(new SystemError('conflict', 'READER_GONE', `what reads the stream has gone away: ${error.message}`)),
    );
  });
  failed.catch(() => undefined);
  if (stdout.destroyed) throw new SystemError('conflict', 'READER_GONE', 'what reads the stream has gone away');
  if (!stdout.write(bytes)) await Promise.race([once(stdout, 'drain'), failed]);
  stdout.removeAllListeners('error');
  stdout.on('error', () => undefined);
}

function isStored(): boolean {
  try {
    if (!fstatSync(STDOUT_FD).isFile()) return false;
    fsyncSync(STDOUT_FD);
    return true;
  } catch {
    return false;
  }
}
