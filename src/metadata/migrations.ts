import type { Migration } from './migrate.ts';
import { init } from './migrations/0001-init.ts';

/** Every schema step ever released, in order. */
export const MIGRATIONS: readonly Migration[] = [init];
