import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { Database } from '../../metadata/database.ts';
import type { Sealer } from '../../metadata/sealer.ts';

/** What the RAM operations work with. */
export interface RamDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  /** Seals the secrets of AccessKeys and what is kept of passwords. */
  readonly sealer: Sealer;
}
