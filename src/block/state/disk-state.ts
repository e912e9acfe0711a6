import { createHash } from 'node:crypto';

import type { Environment, Limits } from '../files/environment.ts';
import { ReaderCache } from '../files/reader-cache.ts';
import type { Address, LogPosition } from '../format/address.ts';
import { ROOTS_NAME, SEGMENTS_NAME, TABLES_NAME } from '../format/file-names.ts';
import type { Head } from '../format/head-format.ts';
import type { Pin } from '../format/pin.ts';
import { slotOffset } from '../format/slot-format.ts';
import type { SegmentTable, TableFields } from '../format/table-format.ts';
import type { DiskKeys } from '../keys/disk-keys.ts';
import type { Log } from '../log/log.ts';
import { MapPages } from '../map/map-pages.ts';
import { Overlay } from '../map/overlay.ts';
import type { SegmentMaker } from '../segments/segment-files.ts';
import { SegmentStore } from '../segments/segment-store.ts';
import { SpareFiles } from '../segments/spare-files.ts';
import { TableWriter } from '../tables/table-writer.ts';
import { UnusedChunks } from '../tables/unused-chunks.ts';
import { NO_WORK } from './disk-work.ts';
import type { DiskWork } from './disk-work.ts';
import type { HeadFile } from './head-file.ts';
import type { Pace } from './pace.ts';

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
  readonly unusedChunks: UnusedChunks;
  head: Head;
  pin: Pin;
  root: Address;
  overlay = new Overlay();
  frozen: Overlay | undefined;
  /** How far the owner knows that the log was durable. */
  pinnedLog: LogPosition | undefined;
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
    this.store = new SegmentStore(this.path(SEGMENTS_NAME), { files, cache: readers, log }, parts.table);
    this.unusedChunks = new UnusedChunks({ files, log, tables: this.path(TABLES_NAME), roots: this.path(ROOTS_NAME) });
    const { store, keys } = this;
    this.spares = new SpareFiles(files, slotOffset(parts.limits.segmentSlots), () =>
      // What is left in a spare file would still open under an earlier data key.
      this.head.reencryption === undefined ? sparesFor(store.size) : 0,
    );
    this.pages = new MapPages({ store, keys, log: parts.env.log, pagesMax: parts.limits.mapPages });
  }

  path(name: string): string {
    return `${this.directory}/${name}`;
  }

  get blockCount(): number {
    return this.head.sizeBytes / 4096;
  }

  /** What a table of this disk says besides its segments. */
  tableFields(root: Address, snapshotId: string, sequence: number): TableFields {
    const { suite, diskId, sizeBytes } = this.head;
    return { suite, diskId, snapshotId, sequence, sizeBytes, root };
  }

  newTableWriter(): TableWriter {
    const { files, random } = this.env;
    return new TableWriter({ files, random, keys: this.keys, directory: this.path(TABLES_NAME) });
  }
}

/**
 * About 1 % of a large disk, 256 MiB at most; a small one keeps the one that its log needs next. After long overwriting
 * there are about ten segments with a few slots each for every 64 MiB of a disk.
 */
function sparesFor(segments: number): number {
  return Math.min(4, 1 + Math.floor(segments / 1_000));
}

export function machineDigest(machineId: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(machineId).digest());
}
