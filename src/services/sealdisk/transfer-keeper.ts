import { ApiError } from '../../api/errors.ts';
import { isKind, messageOf } from '../../base/errors.ts';
import { KeyedMutex } from '../../base/mutex.ts';
import type { TransferInfo } from '../../dataplane/transfers.ts';
import { findTransfer, listTransfers, type Transfer } from '../../metadata/transfers.ts';
import { beginApplying, settleTransfer, takeBack } from './transfer-applying.ts';
import { disksToChange, openReceive, type ReceiveRequest } from './transfer-receiving.ts';
import { openSend, type SendRequest } from './transfer-sending.ts';
import {
  dropTransfer,
  transferError,
  unknownTransfer,
  type OpenedTransfer,
  type TransferParts,
} from './transfer-parts.ts';

/** A transfer as its owner may see it at any time. */
export interface ListedTransfer {
  readonly row: Transfer;
  /** Undefined while the disk server does not have it open. */
  readonly info: TransferInfo | undefined;
}

/** Owns the transfers. One operation for each at a time; they do not wait for each other. */
export class TransferKeeper {
  readonly #parts: TransferParts;
  readonly #turns = new KeyedMutex();

  constructor(parts: TransferParts) {
    this.#parts = parts;
  }

  openSend(request: SendRequest): Promise<OpenedTransfer> {
    return openSend(this.#parts, request);
  }

  /** The same stream twice at once is one transfer. */
  openReceive(request: ReceiveRequest): Promise<OpenedTransfer> {
    return this.#turns.run(`account ${request.accountId}`, () => openReceive(this.#parts, request));
  }

  /** The ids of the disks that a stream with this header may change. */
  disksToChange(owner: Pick<ReceiveRequest, 'accountId' | 'regionId'>, header: Uint8Array): Promise<readonly string[]> {
    return disksToChange(this.#parts, owner, header);
  }

  /** The first 4 KiB of a stream that is being received. */
  async headerOf(transferId: string, accountId: string): Promise<Uint8Array> {
    const { header, status } = await this.#own(transferId, accountId);
    if (header === null || status === 'Done')
      throw new ApiError('IncorrectTransferStatus', 403, `Transfer ${transferId} receives nothing.`);
    return header;
  }

  /** Begins to apply what was received; a transfer that is being applied or done is answered as it is. */
  finish(transferId: string, accountId: string, passphrase: string | undefined): Promise<ListedTransfer> {
    return this.#turns.run(transferId, async () => {
      let row = await this.#own(transferId, accountId);
      if (row.kind !== 'receive')
        throw new ApiError('IncorrectTransferStatus', 403, `Transfer ${transferId} sends; there is nothing to finish.`);
      if (row.status !== 'Done') row = await beginApplying(this.#parts, row, passphrase);
      return { row, info: (await this.#infos()).get(transferId) };
    });
  }

  /** @throws {ApiError} IncorrectTransferStatus: it is changing a disk that exists. */
  cancel(transferId: string, accountId: string): Promise<void> {
    return this.#turns.run(transferId, async () => {
      const row = await this.#own(transferId, accountId);
      if (row.status === 'Applying') {
        if (row.baseSnapshotId !== null)
          throw new ApiError(
            'IncorrectTransferStatus',
            403,
            `Transfer ${transferId} is changing disk ${row.diskId}; finish it, so that the disk is whole.`,
          );
        await this.#parts.dataPlane.closeTransfer(transferId, { discard: true }).catch((error: unknown) => {
          throw transferError(error);
        });
        await takeBack(this.#parts, row, null);
      }
      if (!(await dropTransfer(this.#parts, transferId)))
        throw new ApiError('ServiceUnavailable', 503, 'The disk server does not answer at the moment; try again soon.');
    });
  }

  /** Oldest first. What the disk server has ended is ended for the caller too. */
  async list(scope: { readonly accountId: string; readonly regionId: string }): Promise<readonly ListedTransfer[]> {
    const known = await listTransfers(this.#parts.database.read, scope);
    if (known.some(({ status }) => status === 'Applying')) await this.settle();
    const rows = await listTransfers(this.#parts.database.read, scope);
    if (rows.length === 0) return [];
    const infos = await this.#infos();
    return rows.map((row) => ({ row, info: infos.get(row.transferId) }));
  }

  /** Ends what the disk server has ended, drops what has expired or belongs to nobody. Never rejects. */
  async settle(): Promise<void> {
    const { database, dataPlane, clock, log } = this.#parts;
    try {
      for (const { transferId } of await listTransfers(database.read, { status: 'Applying' }))
        await this.#turns.run(transferId, async () => {
          const row = await findTransfer(database.read, transferId);
          // Asked in this turn: an older answer may be from before the applying began.
          if (row?.status === 'Applying')
            await settleTransfer(this.#parts, row, (await byId(dataPlane)).get(transferId));
        });
      // Rows come before what they stand for, so that something without a row, asked for afterwards, has lost it.
      const open = [...(await byId(dataPlane)).keys()];
      const rows = new Set((await listTransfers(database.read, {})).map(({ transferId }) => transferId));
      for (const transferId of open)
        if (!rows.has(transferId)) await dataPlane.closeTransfer(transferId, { discard: true });
      for (const { transferId, status, expiresMs } of await listTransfers(database.read, {}))
        if (expiresMs <= clock.nowMs() && status !== 'Applying')
          await this.#turns.run(transferId, () => dropTransfer(this.#parts, transferId));
    } catch (error) {
      if (!isKind(error, 'unavailable')) log.error({ reason: messageOf(error) }, 'transfers could not be looked after');
    }
  }

  /** Calls `settle` every second from now on, until disposed. */
  keepSettling(): Disposable {
    let running = false;
    return this.#parts.clock.every(1_000, () => {
      if (running) return;
      running = true;
      void this.settle().finally(() => {
        running = false;
      });
    });
  }

  async #own(transferId: string, accountId: string): Promise<Transfer> {
    const row = await findTransfer(this.#parts.database.read, transferId);
    if (row?.accountId !== accountId) throw unknownTransfer(transferId);
    return row;
  }

  async #infos(): Promise<Map<string, TransferInfo>> {
    try {
      return await byId(this.#parts.dataPlane);
    } catch (error) {
      if (isKind(error, 'unavailable')) return new Map();
      throw error;
    }
  }
}

async function byId(dataPlane: TransferParts['dataPlane']): Promise<Map<string, TransferInfo>> {
  return new Map((await dataPlane.listTransfers()).map((info) => [info.transferId, info]));
}
