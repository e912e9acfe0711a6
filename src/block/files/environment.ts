import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import { MiB } from '../../base/units.ts';
import type { CipherBackend } from '../../crypto/aead.ts';
import type { FileSystem } from './file-system.ts';
import type { ReaderCache } from './reader-cache.ts';

/** Everything outside itself that the engine touches. */
export interface Environment {
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly cipher: CipherBackend;
  readonly log: Logger;
  /** The segment files that are open for reading, over all disks that are given the same one. */
  readonly readers?: ReaderCache;
  /** Anything that differs between machines; a disk left open by another one is not opened without `adopt`. */
  readonly machineId: string;
  /** Smaller in tests, so that every boundary is met within a few hundred operations. */
  readonly limits?: Partial<Limits>;
}

export interface Limits {
  /** Slots of a segment: 16,256 slots of 4,128 bytes and a header of 1,024 are just under 64 MiB. */
  readonly segmentSlots: number;
  /** Sealed bytes that wait for a sync are kept in memory; at this many a sync starts by itself. */
  readonly syncEveryBytes: number;
  /** The unit in which that memory is used: 256 slots are about 1 MiB, one write to a file at most. */
  readonly chunkSlots: number;
  /** At this many, writes wait for it. */
  readonly unsyncedBytesMax: number;
  /** A checkpoint starts by itself when recovery would have to read this many slots … */
  readonly checkpointSlots: number;
  /** … or when this many blocks or ranges have changed since the last one. */
  readonly checkpointChanges: number;
  /** Map pages kept in memory, 4 KiB each. */
  readonly mapPages: number;
  /** A segment file is rewritten without its garbage when at most this part of it is live. */
  readonly rewriteBelow: number;
  /** Slots that files may hold for each live one; beyond, writes wait for the collector, a little each. */
  readonly spaceMax: number;
  /** Segment files kept open for reading, where the environment has no cache for all disks. */
  readonly openSegments: number;
}

export const DEFAULT_LIMITS: Limits = {
  segmentSlots: 16_256,
  // 32 MiB had the shortest stalls of 8, 32 and none (engine-structure.md section 3).
  syncEveryBytes: 32 * MiB,
  chunkSlots: 256,
  unsyncedBytesMax: 128 * MiB,
  // 512 MiB of log. Writes keep behind a checkpoint (pace.ts), so that recovery meets twice that at most: measured on two
  // cores with AES, 1.2 s for blocks that lie together, 7.5 s when each lies in another leaf of a disk of 1 TiB.
  checkpointSlots: 131_072,
  checkpointChanges: 262_144,
  mapPages: 16_384,
  // Random overwriting stores ln(1/t)/(1-t) slots for each live one and writes 1/(1-t): 1.33 and 2.20; measured 1.40
  // and 2.21 with everything counted (docs/internals/collection.md).
  rewriteBelow: 0.545,
  spaceMax: 1.33,
  openSegments: 64,
};
