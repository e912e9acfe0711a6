/** What the NBD server can serve. It knows no disk: anything of this shape will do. */
export interface Export {
  /** Fixed while a client is connected. */
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly description: string;
  /** Hints for the client; every offset and length that fits the size is served all the same. */
  readonly blockSize: { readonly minimum: number; readonly preferred: number; readonly maximum: number };

  /**
   * Offsets and lengths are bytes and lie inside the export: the server has checked.
   * Answers `length` bytes, which must not change any more: they are sent from where they are.
   */
  read(offset: number, length: number): Promise<Uint8Array>;
  /**
   * Fills `out` from `offset` on if that needs no waiting; false, with anything in `out`, if it does or if `read` would
   * fail. Without it, or after a false, `read` is called.
   */
  readCached?(offset: number, out: Uint8Array): boolean;
  /** `data` stays untouched until this settles, and is used for something else after. With `fua` it is durable when this resolves. */
  write(offset: number, data: Uint8Array, options: { readonly fua: boolean }): Promise<void>;
  /** Reads as zeroes afterwards (in whole blocks; partial blocks may keep their bytes). */
  trim(offset: number, length: number, options: { readonly fua: boolean }): Promise<void>;
  /** Reads as zeroes afterwards. `noHole` asks that the space stays allocated; `fast` that it fails rather than be slow. */
  zero(offset: number, length: number, options: { readonly fua: boolean; readonly noHole: boolean }): Promise<void>;
  /** Every write that was answered before this call, on any connection, is durable when this resolves. */
  flush(): Promise<void>;
  /** Extents that cover `offset` up to at most `offset + length`, in order, without gaps; at least one. */
  blockStatus(offset: number, length: number): Promise<readonly BlockExtent[]>;
  /** What changed since named moments; served as metadata contexts `qemu:dirty-bitmap:<name>`. */
  readonly bitmaps?: Bitmaps;
}

/** A name has no NUL and at most 200 bytes of UTF-8. */
export interface Bitmaps {
  /** The names that a client may ask for now. */
  list(): readonly string[];
  /** Extents like those of `blockStatus`; `dirty` where the content may differ. @throws when there is no such bitmap any more. */
  status(
    name: string,
    offset: number,
    length: number,
  ): Promise<readonly { readonly lengthBytes: number; readonly dirty: boolean }[]>;
}

/** Source: NBD proto.md, "base:allocation metadata context". */
export interface BlockExtent {
  readonly lengthBytes: number;
  /** Set when the range has no space of its own (NBD_STATE_HOLE). */
  readonly hole: boolean;
  /** Set when the range reads as zeroes (NBD_STATE_ZERO). */
  readonly zero: boolean;
}

/** Who a connection is, as the transport proved it before the handshake. */
export type Peer =
  | { readonly transport: 'unix'; readonly socketPath: string }
  | { readonly transport: 'tcp'; readonly pskIdentity: string }
  /** TLS with a certificate that names what it may open: `sealdisk:disk:<DiskId>`, `sealdisk:export:<ExportName>`. */
  | { readonly transport: 'certificate'; readonly grants: readonly string[] };

/** Finds what a peer may see. A peer learns nothing of exports that are not its own. */
export interface ExportDirectory {
  /** The names that `peer` may open, for LIST. */
  list(peer: Peer): readonly string[];
  /** The export of that name if `peer` may open it; the empty name means the peer's only one. */
  find(peer: Peer, name: string): Export | undefined;
  /** The secret of a TLS-PSK identity, or undefined for one that does not exist. */
  pskOf(identity: string): Uint8Array | undefined;
  /** Called once for each connection that entered transmission, and when it ends. */
  connected?(name: string): Disposable;
}
