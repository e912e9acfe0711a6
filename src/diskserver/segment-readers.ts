import { readFileSync } from 'node:fs';

import { ReaderCache } from '../block/files/reader-cache.ts';

/** Sockets, logs, locks, heads and marks need descriptors as well. */
const SHARE = 1 / 2;
/** Enough for random reads over 1 TiB without opening files all the time; a dense one has an index of 4.5 KiB. */
const OPEN_MAX = 32_768;
const OPEN_MIN = 64;
/** Where the system does not tell: what most systems allow at least. */
const USUAL_LIMIT = 1_024;

/** One cache of files open for reading over all disks, as large as the process's limit of open files allows. */
export function segmentReaders(): ReaderCache {
  return new ReaderCache(Math.max(OPEN_MIN, Math.min(OPEN_MAX, Math.floor(openFilesLimit() * SHARE))));
}

/** Source: proc(5), /proc/pid/limits. Node raises the soft limit to the hard one when it starts. */
function openFilesLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === 'unlimited' ? Infinity : Number(soft ?? USUAL_LIMIT);
  } catch {
    return USUAL_LIMIT;
  }
}
