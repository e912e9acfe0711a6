import path from 'node:path';

import { messageOf, SystemError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { KeyedMutex } from '../base/mutex.ts';
import { createDisk, openDisk, openSnapshotView, type Environment } from '../block/disk.ts';
import type { SnapshotView } from '../block/views/snapshot-view.ts';
import type { Pin } from '../block/format/pin.ts';
import type { ApplyStream, OpenReceive, OpenSend, TransferAccess, TransferInfo } from '../dataplane/transfers.ts';
import type { Export } from '../nbd/export.ts';
import type { NbdServer } from '../nbd/server.ts';
import { decodeHeader, streamBytes } from '../stream/stream-header.ts';
import { verifyHeader } from '../stream/stream-keys.ts';
import { StreamSource } from '../stream/stream-source.ts';
import { DiskDirectories } from './disk-directories.ts';
import type { ExportTable } from './export-table.ts';
import { removeSpool, Spool } from './spool.ts';
import { identified, stateToSend } from './snapshot-to-send.ts';
import { applyStream, refuseUnlessAt, verifyStream } from './stream-apply.ts';
import { ReceiveExport, SendExport } from './stream-exports.ts';

/** Streams whose clients are gone lose nothing: they may be disconnected at once. */
const DRAIN_MS = 500;
const TRANSFER_ID = /^t-[a-z0-9]{1,64}$/;

interface Open {
  readonly transferId: string;
  readonly kind: 'send' | 'receive';
  readonly name: string;
  readonly socketPath: string;
  readonly sizeBytes: number;
  /** What is being sent: goes when one of these snapshots does. */
  readonly source?: { readonly diskId: string; readonly snapshotIds: readonly string[] };
  readonly spool?: Spool;
  readonly release: () => Promise<void>;
  job?: Job;
}

interface Job {
  state: 'verifying' | 'applying' | 'applied' | 'failed';
  doneBytes: number;
  touchesDisk: boolean;
  pin?: Pin;
  error?: NonNullable<TransferInfo['error']>;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

/** Streams that are being sent and received in this process. Operations on one transfer run one at a time. */
export class TransferHost {
  readonly #environment: Environment;
  readonly #directories: DiskDirectories;
  readonly #dataDirectory: string;
  readonly #socketDirectory: string;
  readonly #nbd: NbdServer;
  readonly #table: ExportTable;
  readonly #log: Logger;
  readonly #withClosedDisk: <T>(diskId: string, work: () => Promise<T>) => Promise<T>;
  readonly #open = new Map<string, Open>();
  readonly #turns = new KeyedMutex();

  constructor(parts: {
    readonly environment: Environment;
    readonly dataDirectory: string;
    readonly socketDirectory: string;
    readonly nbd: NbdServer;
    readonly table: ExportTable;
    readonly log: Logger;
    /** Runs `work` while nobody else has the disk. @throws {SystemError} kind `conflict`: it is open. */
    readonly withClosedDisk: <T>(diskId: string, work: () => Promise<T>) => Promise<T>;
  }) {
    this.#environment = parts.environment;
    this.#directories = new DiskDirectories(parts.dataDirectory);
    this.#dataDirectory = parts.dataDirectory;
    this.#socketDirectory = parts.socketDirectory;
    this.#nbd = parts.nbd;
    this.#table = parts.table;
    this.#log = parts.log;
    this.#withClosedDisk = parts.withClosedDisk;
  }

  openSend(request: OpenSend): Promise<TransferInfo> {
    const { source, stream, streamKey, transferId } = request;
    return this.#opening(request, async () => {
      const { diskId, snapshotId, baseSnapshotId } = source;
      const views: SnapshotView[] = [];
      const view = async (id: string): Promise<SnapshotView> => {
        const opened = await openSnapshotView(this.#environment, {
          directory: this.#directories.living(diskId),
          retiredDirectory: this.#directories.retired(diskId),
          diskId,
          snapshotId: id,
          dataKey: source.dataKey,
          pin: source.pin,
        });
        views.push(opened);
        return opened;
      };
      const closeViews = async (): Promise<void> => {
        for (const opened of views) await opened.close();
      };
      try {
        const state = await view(snapshotId);
        const base = baseSnapshotId === undefined ? undefined : await view(baseSnapshotId);
        const content = await StreamSource.of(
          this.#environment.cipher,
          stateToSend(state, base),
          {
            ...stream,
            encrypted: source.encrypted,
            diskId,
            state: identified(diskId, snapshotId, state),
            base: base === undefined ? undefined : identified(diskId, baseSnapshotId ?? '', base),
          },
          streamKey,
        );
        return {
          kind: 'send' as const,
          export: new SendExport(content, transferId),
          source: { diskId, snapshotIds: [snapshotId, ...(baseSnapshotId === undefined ? [] : [baseSnapshotId])] },
          release: async () => {
            await closeViews();
            content[Symbol.dispose]();
          },
        };
      } catch (error) {
        await closeViews();
        throw error;
      }
    });
  }

  openReceive(request: OpenReceive): Promise<TransferInfo> {
    const { header, streamKey, transferId } = request;
    return this.#opening(request, async () => {
      const decoded = decodeHeader(header);
      verifyHeader(header, decoded, streamKey);
      const { files } = this.#environment;
      const parent = path.join(this.#dataDirectory, 'transfers');
      if ((await files.stat(parent)) === undefined) await files.makeDirectory(parent);
      const spool = await Spool.open(files, this.#spoolDirectory(transferId), header, streamBytes(decoded));
      return {
        kind: 'receive' as const,
        export: new ReceiveExport(spool, transferId),
        spool,
        release: () => spool.close(),
      };
    });
  }

  applyStream(request: ApplyStream): Promise<TransferInfo> {
    return this.#turns.run(request.transferId, async () => {
      const open = this.#open.get(request.transferId);
      if (open?.spool === undefined)
        throw new SystemError('not-found', 'TRANSFER_NOT_OPEN', `transfer ${request.transferId} is not open`);
      if (open.job === undefined || open.job.state === 'failed') {
        await open.spool.sync();
        if (!open.spool.isComplete)
          throw new SystemError(
            'conflict',
            'STREAM_INCOMPLETE',
            `${open.spool.durableBytes} of ${open.sizeBytes} bytes of the stream have arrived; go on with the rest`,
          );
        this.#startJob(open, open.spool, request);
      }
      return this.#describe(open);
    });
  }

  listTransfers(): readonly TransferInfo[] {
    return [...this.#open.values()].map((open) => this.#describe(open));
  }

  closeTransfer(transferId: string, { discard }: { readonly discard: boolean }): Promise<void> {
    return this.#turns.run(transferId, async () => {
      await this.#close(transferId);
      if (discard) await removeSpool(this.#environment.files, this.#spoolDirectory(transferId));
    });
  }

  /** Ends what is sent of a disk's snapshots, before those that `keep` does not name are removed. */
  async forgetSnapshots(diskId: string, keep: (snapshotId: string) => boolean): Promise<void> {
    for (const { transferId, source } of this.#open.values())
      if (source?.diskId === diskId && !source.snapshotIds.every(keep))
        await this.closeTransfer(transferId, { discard: false });
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((id) => this.closeTransfer(id, { discard: false })));
  }

  /** Opening a transfer again under its id answers what is already there, so that a control plane may ask twice. */
  #opening(
    access: TransferAccess,
    open: () => Promise<{ export: Export } & Pick<Open, 'kind' | 'source' | 'spool' | 'release'>>,
  ): Promise<TransferInfo> {
    const { transferId, name } = access;
    return this.#turns.run(transferId, async () => {
      const existing = this.#open.get(transferId);
      if (existing !== undefined) return this.#describe(existing);
      const { export: served, ...rest } = await open();
      const socketPath = path.join(this.#socketDirectory, `${name}.sock`);
      try {
        const { pskIdentity, psk } = access;
        this.#table.add({ name, diskId: undefined, socketPath, pskIdentity, psk, serve: () => served });
        await this.#nbd.listenUnix(socketPath);
      } catch (error) {
        this.#table.remove(name);
        await rest.release();
        throw error;
      }
      const opened: Open = { transferId, name, socketPath, sizeBytes: served.sizeBytes, ...rest };
      this.#open.set(transferId, opened);
      this.#log.info({ transferId, kind: rest.kind, sizeBytes: served.sizeBytes }, 'stream opened for a client');
      return this.#describe(opened);
    });
  }

  async #close(transferId: string): Promise<void> {
    const open = this.#open.get(transferId);
    if (open === undefined) return;
    open.job?.abort.abort(new SystemError('conflict', 'TRANSFER_CLOSED', 'the transfer was closed'));
    await open.job?.ended;
    this.#table.suspend(open.name);
    await this.#nbd.disconnect(open.name, DRAIN_MS);
    this.#open.delete(transferId);
    await this.#nbd.closeUnix(open.socketPath).catch((error: unknown) => {
      this.#log.warn({ transferId, reason: messageOf(error) }, 'the socket of a stream could not be closed');
    });
    this.#table.remove(open.name);
    await open.release();
    this.#log.info({ transferId }, 'stream closed');
  }

  #startJob(open: Open, spool: Spool, request: ApplyStream): void {
    // The message that brought them is wiped when it was answered.
    const streamKey = Uint8Array.from(request.streamKey);
    const dataKey = { suite: request.dataKey.suite, key: Uint8Array.from(request.dataKey.key) };
    const abort = new AbortController();
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const job: Job = { state: 'verifying', doneBytes: 0, touchesDisk: false, abort, ended };
    open.job = job;
    this.#run(job, spool, { ...request, streamKey, dataKey })
      .then(
        (pin) => {
          job.pin = pin;
          job.state = 'applied';
          this.#log.info({ transferId: open.transferId, diskId: request.disk.diskId }, 'stream applied');
        },
        (error: unknown) => {
          const { kind, code } = error instanceof SystemError ? error : { kind: 'internal' as const, code: 'INTERNAL' };
          job.error = { kind, code, message: messageOf(error) };
          job.state = 'failed';
          this.#log.warn({ transferId: open.transferId, code, reason: messageOf(error) }, 'stream not applied');
        },
      )
      .finally(() => {
        streamKey.fill(0);
        dataKey.key.fill(0);
        resolve();
      });
  }

  async #run(job: Job, spool: Spool, request: ApplyStream): Promise<Pin> {
    const { disk: identity, dataKey, snapshotId, baseSnapshotId } = request;
    const { diskId } = identity;
    const reading = {
      ciphers: this.#environment.cipher,
      spool,
      streamKey: request.streamKey,
      onProgress: (doneBytes: number) => void (job.doneBytes = doneBytes),
      signal: job.abort.signal,
    };
    job.touchesDisk = await spool.isBeingApplied();
    await verifyStream(reading);
    job.doneBytes = 0;
    job.state = 'applying';
    return this.#withClosedDisk(diskId, async () => {
      const directory = this.#directories.living(diskId);
      const pin =
        baseSnapshotId === undefined ? await createDisk(this.#environment, directory, identity, dataKey) : request.pin;
      const disk = await openDisk(this.#environment, directory, { diskId, dataKey, pin, readOnly: false });
      try {
        if (baseSnapshotId !== undefined && !job.touchesDisk) {
          await refuseUnlessAt(disk, baseSnapshotId);
          job.touchesDisk = true;
          await spool.markApplying(diskId);
        }
        await applyStream(reading, disk);
        await disk.snapshot(snapshotId);
        return await disk.close();
      } catch (error) {
        await disk.close().catch(() => disk.abandon());
        throw error;
      }
    });
  }

  #spoolDirectory(transferId: string): string {
    if (!TRANSFER_ID.test(transferId))
      throw new SystemError(
        'invalid',
        'BAD_TRANSFER_ID',
        'a transfer id has the form t-… in lower-case letters and digits',
      );
    return path.join(this.#dataDirectory, 'transfers', transferId);
  }

  #describe({ transferId, kind, name, socketPath, sizeBytes, spool, job }: Open): TransferInfo {
    return {
      transferId,
      kind,
      name,
      socketPath,
      sizeBytes,
      durableBytes: spool?.durableBytes ?? 0,
      state: job?.state ?? 'open',
      doneBytes: job?.doneBytes ?? 0,
      touchesDisk: job?.touchesDisk ?? false,
      ...(job?.pin !== undefined && { pin: job.pin }),
      ...(job?.error !== undefined && { error: job.error }),
    };
  }
}
