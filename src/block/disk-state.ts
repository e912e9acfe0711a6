import { createHash } from 'node:crypto';

import type { Address, LogPosition } from './address.ts';
import type { DiskKeys } from './disk-keys.ts';
import { NO_WORK } from './disk-work.ts';
import type { DiskWork } from './disk-work.ts';
import type { Environment, Limits } from './environment.ts';
import type { HeadFile } from './head-file.ts';
import type { Head } from './head-format.ts';
import type { Log } from './log.ts';
import { MapPages } from './map-pages.ts';
import { Overlay } from './overlay.ts';
import type { Pace } from './pace.ts';
import type { Pin } from './pin.ts';
import { ReaderCache } from './reader-cache.ts';
import type { SegmentMaker } from './segment-files.ts';
import { SegmentStore } from './segment-store.ts';
import { slotOffset } from './slot-format.ts';
import { SpareFiles } from './spare-files.ts';
import type { SegmentEntry, SegmentTable } from './table-format.ts';

/** Names inside a disk's directory. */
export const HEAD_NAME = 'head';
export const LOCK_NAME = 'lock';
export const MARK_NAME = 'mark';
export const SEGMENTS_NAME = 'seg';
export const TABLES_NAME = 'tables';
export const ROOTS_NAME = 'roots';
export const RETIRED_NAME = 'retired';

/** A disk that is being written: begun by the first write after an open, ended by the close. */
export interface Session {
  readonly maker: SegmentMaker;
  readonly log: Log;
}

/**
 * What an open disk knows. The newest answer for a block is in `overlay`, else in `frozen` (while a checkpoint merges
 * it), else in the map below `root`.
 */
export class DiskState {
  readonly env: Environment;
  readonly limits: Limits;
  readonly directory: string;
  readonly keys: DiskKeys;
  readonly headFile: HeadFile;
  readonly store: SegmentStore;
  readonly pages: MapPages;
  readonly spares: SpareFiles;
  head: Head;
  pin: Pin;
  root: Address;
  overlay = new Overlay();
  frozen: Overlay | undefined;
  /** Set while `frozen` is. */
  pace: Pace | undefined;
  session: Session | undefined;
  readonly work: DiskWork = { ...NO_WORK };
  /** A head that says "clean" may have reached the disk although its write failed: no write before another head. */
  headInDoubt = false;

  constructor(parts: {
    readonly env: Environment;
    readonly limits: Limits;
    readonly directory: string;
    readonly keys: DiskKeys;
    readonly headFile: HeadFile;
    readonly head: Head;
    readonly pin: Pin;
    readonly table: SegmentTable;
  }) {
    this.env = parts.env;
    this.limits = parts.limits;
    this.directory = parts.directory;
    this.keys = parts.keys;
    this.headFile = parts.headFile;
    this.head = parts.head;
    this.pin = parts.pin;
    this.root = parts.table.root;
    const { files, log, readers = new ReaderCache(parts.limits.openSegments) } = parts.env;
    this.store = new SegmentStore(this.path(SEGMENTS_NAME), { files, cache: readers, log });
    for (const entry of parts.table.segments) this.store.put(entry);
    const { store, keys } = this;
    this.spares = new SpareFiles(files, slotOffset(parts.limits.segmentSlots), () => sparesFor(store.size));
    this.pages = new MapPages({ store, keys, log: parts.env.log, pagesMax: parts.limits.mapPages });
  }

  path(name: string): string {
    return `${this.directory}/${name}`;
  }

  get blockCount(): number {
    return this.head.sizeBytes / 4096;
  }

  /** The state as a table: what a checkpoint or a snapshot stores. */
  table(root: Address, segments: readonly SegmentEntry[], snapshotId: string, sequence: number): SegmentTable {
    const { suite, diskId, sizeBytes } = this.head;
    return { suite, diskId, snapshotId, sequence, sizeBytes, root, segments };
  }

  /** Every segment of the state that ends at `end`. */
  segmentsUpTo(end: LogPosition): SegmentEntry[] {
    return this.store.entries().map((entry) => (entry.number === end.segment ? { ...entry, slots: end.slot } : entry));
  }
}

/** About 1 % of a large disk, 256 MiB at most; a small one keeps the one that its log needs next. */
function sparesFor(segments: number): number {
  return Math.min(4, 1 + Math.floor(segments / 100));
}

export function machineDigest(machineId: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(machineId).digest());
}
