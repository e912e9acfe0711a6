/** Names inside a disk's directory. Source: docs/formats/disk-directory.md. */
export const HEAD_NAME = 'head';
export const LOCK_NAME = 'lock';
export const MARK_NAME = 'mark';
export const SEGMENTS_NAME = 'seg';
export const ROOTS_NAME = 'roots';
export const RETIRED_NAME = 'retired';
export const TABLES_NAME = 'tables';
