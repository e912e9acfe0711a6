/** Names inside a disk's directory. Source: docs/formats/disk-directory.md. */
export const HEAD_NAME = 'head';
export const LOCK_NAME = 'lock';
export const MARK_NAME = 'mark';
export const SEGMENTS_NAME = 'seg';
export const ROOTS_NAME = 'roots';
export const RETIRED_NAME = 'retired';
export const TABLES_NAME = 'tables';
/** Checksums of segments; made when the first ones are kept. */
export const CHECKSUMS_NAME = 'sums';

/** Behind the name of a segment: a dense file that is being written. */
export const DENSE_SUFFIX = '.dense';
/** A log segment that is written again after a failed sync. */
export const RESCUE_SUFFIX = '.rescue';
/** A segment that is sealed anew. */
export const SEALING_SUFFIX = '.sealing';
/** A file that nobody needs any more, to be used again. */
export const SPARE_SUFFIX = '.spare';
/** A second name of a file that nobody needs any more, until its first one is gone. */
const DEAD_SUFFIX = '.dead';

/** The second name, or its path. */
export function deadMark(name: string): string {
  return `${name}${DEAD_SUFFIX}`;
}

/** The segment's name, or path, if `mark` is the second name of a dead one. */
export function markedDead(mark: string): string | undefined {
  return mark.endsWith(DEAD_SUFFIX) ? mark.slice(0, -DEAD_SUFFIX.length) : undefined;
}

/** Beside disks: one that is being made, or its rest. */
export function unfinishedName(name: string): string {
  return `.unfinished-${name}`;
}

/** One that was deleted, or its rest. */
export function trashName(name: string): string {
  return `.trash-${name}`;
}
