import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { DataPlane } from '../../dataplane/data-plane.ts';
import type { DataKeys } from '../ecs/stored-data-key.ts';
import type { Database } from '../../metadata/database.ts';
import type { Sealer } from '../../metadata/sealer.ts';

/** What exports are kept with. */
export interface ExportParts {
  readonly database: Database;
  readonly dataPlane: DataPlane;
  readonly dataKeys: DataKeys;
  /** Seals the secrets of exports. */
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Names the running boot of the machine on which the disk server serves. */
  readonly bootId: () => string;
}
