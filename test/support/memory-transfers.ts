import { SystemError } from '../../src/base/errors.ts';
import { BLOCK_SIZE_BYTES } from '../../src/base/units.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import type { Pin } from '../../src/dataplane/data-plane.ts';
import type { ApplyStream, OpenReceive, OpenSend, TransferInfo } from '../../src/dataplane/transfers.ts';
import { decodeHeader, streamBytes } from '../../src/stream/stream-header.ts';
import { stateIdentity, verifyHeader } from '../../src/stream/stream-keys.ts';
import type { StateToSend } from '../../src/stream/stream-layout.ts';
import { StreamReader } from '../../src/stream/stream-reader.ts';
import { StreamSource } from '../../src/stream/stream-source.ts';

const CIPHERS = nodeCipherBackend();

/** Disks as this file needs them: their content is a string, which stands in the first block. */
export interface MemoryDisks {
  /** @throws {SystemError} kind `not-found`. */
  snapshot(source: OpenSend['source'], snapshotId: string): { readonly content: string; readonly sizeBytes: number };
  /** Puts `content` into the disk, which is new without a base, and takes the snapshot. */
  apply(request: ApplyStream, content: (before: string) => string): Pin;
}

interface OpenTransfer {
  info: TransferInfo;
  readonly stream: Uint8Array;
  readonly header?: Uint8Array;
}

/** The transfers of a disk server in memory; streams are real ones. */
export class MemoryTransfers {
  readonly #disks: MemoryDisks;
  readonly #open = new Map<string, OpenTransfer>();
  /** Received streams, and how many of their bytes survive a crash. */
  readonly #spools = new Map<string, { readonly stream: Uint8Array; durable: number }>();

  /** What happens to the next stream that is applied, when its disk has been changed in part. */
  failure: SystemError | undefined;

  constructor(disks: MemoryDisks) {
    this.#disks = disks;
  }

  async openSend(request: OpenSend): Promise<TransferInfo> {
    const existing = this.#open.get(request.transferId);
    if (existing !== undefined) return existing.info;
    const { source, stream, streamKey } = request;
    const of = (snapshotId: string) => {
      const { content, sizeBytes } = this.#disks.snapshot(source, snapshotId);
      const named = { diskId: source.diskId, snapshotId, diskSizeBytes: sizeBytes, root: 1 };
      return { content, sizeBytes, state: { snapshotId, identity: stateIdentity(named) } };
    };
    const state = of(source.snapshotId);
    const base = source.baseSnapshotId === undefined ? undefined : of(source.baseSnapshotId);
    const fields = { ...stream, encrypted: source.encrypted, diskId: source.diskId };
    using content = await StreamSource.of(
      CIPHERS,
      stateOf(state.content, state.sizeBytes, base?.content),
      { ...fields, state: state.state, base: base?.state },
      streamKey,
    );
    const bytes = await content.read(0, content.sizeBytes);
    return this.#add(request, { kind: 'send', sizeBytes: bytes.length, durableBytes: 0 }, { stream: bytes });
  }

  openReceive(request: OpenReceive): TransferInfo {
    const existing = this.#open.get(request.transferId);
    if (existing !== undefined) return existing.info;
    const header = Uint8Array.from(request.header);
    const decoded = decodeHeader(header);
    verifyHeader(header, decoded, request.streamKey);
    const sizeBytes = streamBytes(decoded);
    const spool = this.#spools.get(request.transferId) ?? { stream: new Uint8Array(sizeBytes), durable: header.length };
    if (spool.durable > header.length && Buffer.compare(spool.stream.subarray(0, header.length), header) !== 0)
      throw new SystemError('conflict', 'OTHER_STREAM', 'this transfer was begun with another stream');
    spool.stream.set(header);
    this.#spools.set(request.transferId, spool);
    return this.#add(
      request,
      { kind: 'receive', sizeBytes, durableBytes: spool.durable },
      { stream: spool.stream, header },
    );
  }

  applyStream(request: ApplyStream): TransferInfo {
    const open = this.#open.get(request.transferId);
    const spool = this.#spools.get(request.transferId);
    if (open === undefined || spool === undefined)
      throw new SystemError('not-found', 'TRANSFER_NOT_OPEN', `transfer ${request.transferId} is not open`);
    if (open.info.state === 'applied') return open.info;
    if (spool.durable < spool.stream.length)
      throw new SystemError('conflict', 'STREAM_INCOMPLETE', 'the stream is not complete');
    try {
      if (this.failure !== undefined) {
        open.info = { ...open.info, touchesDisk: request.baseSnapshotId !== undefined };
        throw this.failure;
      }
      const pin = this.#disks.apply(request, (before) => contentOf(spool.stream, request.streamKey, before));
      const { error: _before, ...info } = open.info;
      open.info = { ...info, state: 'applied', doneBytes: spool.stream.length, pin };
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      const { kind, code, message } = error;
      open.info = { ...open.info, state: 'failed', error: { kind, code, message } };
    }
    return open.info;
  }

  listTransfers(): readonly TransferInfo[] {
    return [...this.#open.values()].map(({ info }) => info);
  }

  closeTransfer(transferId: string, { discard }: { readonly discard: boolean }): void {
    this.#open.delete(transferId);
    if (discard) this.#spools.delete(transferId);
  }

  forgetSnapshot(snapshotId: string): void {
    for (const [id, { info, stream }] of this.#open)
      if (info.kind === 'send') {
        const { state, base } = decodeHeader(stream.slice(0, 4096));
        if (state.snapshotId === snapshotId || base?.snapshotId === snapshotId) this.#open.delete(id);
      }
  }

  /** Everything is closed; what was received stays. */
  crash(): void {
    this.#open.clear();
  }

  /** What a client reads. */
  stream(transferId: string): Uint8Array {
    const open = this.#open.get(transferId);
    if (open === undefined) throw new SystemError('unavailable', 'NBD_DISCONNECTED', 'the transfer is not open');
    return open.stream.slice();
  }

  /** A client writes and flushes. */
  receive(transferId: string, offset: number, bytes: Uint8Array): void {
    const open = this.#open.get(transferId);
    const spool = this.#spools.get(transferId);
    if (open === undefined || spool === undefined || offset > spool.durable)
      throw new SystemError('invalid', 'NBD_EINVAL', 'the bytes do not follow what has come');
    spool.stream.set(bytes, offset);
    spool.durable = Math.max(spool.durable, offset + bytes.length);
    open.info = { ...open.info, durableBytes: spool.durable };
  }

  #add(
    { transferId, name }: { readonly transferId: string; readonly name: string },
    facts: Pick<TransferInfo, 'kind' | 'sizeBytes' | 'durableBytes'>,
    rest: Pick<OpenTransfer, 'stream' | 'header'>,
  ): TransferInfo {
    const socketPath = `/run/sealdisk/${name}.sock`;
    const info: TransferInfo = {
      transferId,
      name,
      socketPath,
      state: 'open',
      doneBytes: 0,
      touchesDisk: false,
      ...facts,
    };
    this.#open.set(transferId, { info, ...rest });
    return info;
  }
}

function stateOf(content: string, sizeBytes: number, base: string | undefined): StateToSend {
  const block = Buffer.alloc(BLOCK_SIZE_BYTES);
  block.write(content);
  const split = <T>(offset: number, length: number, first: T, rest: T) =>
    offset >= BLOCK_SIZE_BYTES
      ? [{ lengthBytes: length, ...rest }]
      : [
          { lengthBytes: BLOCK_SIZE_BYTES - offset, ...first },
          ...(length > BLOCK_SIZE_BYTES - offset ? [{ lengthBytes: length + offset - BLOCK_SIZE_BYTES, ...rest }] : []),
        ];
  const hole = { hole: true, zero: true };
  return {
    sizeBytes,
    read: (offset, length) => Promise.resolve(Uint8Array.from(block.subarray(offset, offset + length))),
    blockStatus: (offset, length) =>
      Promise.resolve(split(offset, length, content === '' ? hole : { hole: false, zero: false }, hole)),
    ...(base !== undefined && {
      changedSinceBase: (offset: number, length: number) =>
        Promise.resolve(split(offset, length, { dirty: base !== content }, { dirty: false })),
    }),
  };
}

function contentOf(stream: Uint8Array, streamKey: Uint8Array, before: string): string {
  using reader = new StreamReader(CIPHERS, stream.slice(0, 4096), streamKey);
  let content = before;
  for (let place = reader.nextPlace; place !== undefined; place = reader.nextPlace)
    for (const change of reader.push(stream.subarray(place.at, place.at + place.lengthBytes)))
      if (change.block === 0)
        content = change.kind === 'data' ? Buffer.from(change.data).toString().replace(/\0+$/, '') : '';
  reader.finish();
  return content;
}
