import type { Migration } from './migrate.ts';
import { init } from './migrations/0001-init.ts';
import { snapshotExports } from './migrations/0002-snapshot-exports.ts';
import { transfers } from './migrations/0003-transfers.ts';
import { diskRotations } from './migrations/0004-disk-rotations.ts';
import { kmsKeys } from './migrations/0005-kms-keys.ts';
import { importedMaterial } from './migrations/0006-imported-material.ts';
import { ram } from './migrations/0007-ram.ts';
import { sessions } from './migrations/0008-sessions.ts';
import { diskEncryptionDefaults } from './migrations/0011-disk-encryption-defaults.ts';
import { images } from './migrations/0014-images.ts';
import { imageShares } from './migrations/0016-image-shares.ts';
import { imageExports } from './migrations/0019-image-exports.ts';

/** Every schema step ever released, in order. */
export const MIGRATIONS: readonly Migration[] = [
  init,
  snapshotExports,
  transfers,
  diskRotations,
  kmsKeys,
  importedMaterial,
  ram,
  sessions,
  diskEncryptionDefaults,
  images,
  imageShares,
  imageExports,
];
