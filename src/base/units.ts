export const KiB = 1024;
export const MiB = 1024 * KiB;
export const GiB = 1024 * MiB;
export const TiB = 1024 * GiB;

/** The engine's unit: one block is sealed, stored and verified as a whole. */
export const BLOCK_SIZE_BYTES = 4096;
