/** How the control plane has disks sent and received as streams. Formats: docs/formats/stream.md. */
import type { ErrorKind } from '../base/errors.ts';
import type { DataKey } from '../block/keys/data-key.ts';
import type { DiskIdentity } from '../block/format/head-format.ts';
import type { Pin } from '../block/format/pin.ts';
import type { Suite } from '../crypto/aead.ts';
import type { WrappedStreamKey } from '../stream/key-section.ts';

/** How an NBD client reaches a stream. `psk` is 32 bytes and stays the caller's. */
export interface TransferAccess {
  readonly transferId: string;
  readonly name: string;
  readonly pskIdentity: string;
  readonly psk: Uint8Array;
}

/** A snapshot, or what changed from one to another, as a stream to read. The same request gives the same bytes. */
export interface OpenSend extends TransferAccess {
  readonly source: {
    readonly diskId: string;
    readonly snapshotId: string;
    readonly baseSnapshotId: string | undefined;
    readonly dataKey: DataKey;
    readonly pin: Pin | undefined;
    /** Whether the API calls the disk encrypted. */
    readonly encrypted: boolean;
  };
  readonly stream: {
    readonly streamId: Uint8Array;
    readonly suite: Suite;
    readonly createdMs: number;
    readonly key: WrappedStreamKey;
  };
  /** 32 bytes. */
  readonly streamKey: Uint8Array;
}

/** A place to write a stream to. Opening it again goes on where it was durable. */
export interface OpenReceive extends TransferAccess {
  /** The first 4 KiB of the stream. */
  readonly header: Uint8Array;
  /** 32 bytes; a header that it does not authenticate is refused. */
  readonly streamKey: Uint8Array;
}

/** What becomes of a stream that is complete. */
export interface ApplyStream {
  readonly transferId: string;
  readonly streamKey: Uint8Array;
  /** A new disk for a full stream; for an incremental one a closed disk that stands at `base`. */
  readonly disk: DiskIdentity;
  readonly dataKey: DataKey;
  readonly pin: Pin | undefined;
  /** Taken of the disk when everything is in it. */
  readonly snapshotId: string;
  /** The received snapshot that the stream begins with. */
  readonly baseSnapshotId: string | undefined;
}

export interface TransferInfo {
  readonly transferId: string;
  readonly kind: 'send' | 'receive';
  readonly name: string;
  readonly socketPath: string;
  /** Of the whole stream. */
  readonly sizeBytes: number;
  /** Of a received stream: what survives power loss. */
  readonly durableBytes: number;
  /**
   * `open`: clients read or write. `verifying`, `applying`: `doneBytes` of the stream are through.
   * `applied`: the snapshot is there, `pin` is the disk's. `failed`: `error` says why; nothing was published.
   */
  readonly state: 'open' | 'verifying' | 'applying' | 'applied' | 'failed';
  readonly doneBytes: number;
  /** True from when a disk that existed before may have been changed. */
  readonly touchesDisk: boolean;
  readonly pin?: Pin;
  readonly error?: { readonly kind: ErrorKind; readonly code: string; readonly message: string };
}

/** The part of the data plane that moves disks. */
export interface Transfers {
  /** @throws {SystemError} kind `not-found`: no such snapshot. */
  openSend(request: OpenSend): Promise<TransferInfo>;
  /** @throws {SystemError} codes `STREAM_KEY_WRONG`, `STREAM_DAMAGED`, `NOT_A_STREAM`; kind `conflict`, code `OTHER_STREAM`. */
  openReceive(request: OpenReceive): Promise<TransferInfo>;
  /**
   * Begins to verify and apply a received stream, and answers at once; `listTransfers` tells how it goes. Asked again
   * while it runs, or when it is done, it changes nothing; after a failure or a restart it goes on.
   * @throws {SystemError} kind `conflict`, code `STREAM_INCOMPLETE`; kind `not-found`: no such transfer is open.
   */
  applyStream(request: ApplyStream): Promise<TransferInfo>;
  /** What this process knows; a restart forgets it, not the bytes that were received. */
  listTransfers(): Promise<readonly TransferInfo[]>;
  /** Disconnects clients; a stream that is being applied stops. `discard` removes what was received. None is no error. */
  closeTransfer(transferId: string, options: { readonly discard: boolean }): Promise<void>;
}
