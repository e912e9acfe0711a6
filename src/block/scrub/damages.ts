import type { Logger } from '../../base/log.ts';
import { DAMAGES_MAX } from './scrub-report.ts';
import type { Damage } from './scrub-report.ts';

/** What a scrub has found: told in the log at once, and kept for its report. */
export class Damages {
  readonly #disk: { readonly diskId: string; readonly directory: string; readonly log: Logger };
  readonly #found: Damage[] = [];
  readonly #named = new Set<string>();
  #count = 0;

  constructor(disk: { readonly diskId: string; readonly directory: string; readonly log: Logger }) {
    this.#disk = disk;
  }

  /** The first ones. */
  get found(): readonly Damage[] {
    return this.#found;
  }

  /** Of all, those that are not kept included. */
  get count(): number {
    return this.#count;
  }

  report(damage: Damage): void {
    const { diskId, log } = this.#disk;
    this.#count += 1;
    if (this.#found.length >= DAMAGES_MAX) return;
    this.#found.push(damage);
    const { message, costs, ...fields } = damage;
    const [cost] = costs;
    const block = cost === undefined ? {} : { block: cost.firstBlock, snapshotId: cost.snapshotId };
    log.error({ diskId, ...fields, ...block, message }, 'the scrub found damage');
  }

  /** What the readers of records complain of is damage. */
  readonly records: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (fields, message) => {
      const { file, copy, reason } = fields;
      const which = typeof copy === 'number' ? ` (copy ${copy + 1})` : '';
      const why = typeof reason === 'string' ? `: ${reason}` : '';
      // States share chunks of their tables.
      const name = `${String(file)} ${message}${which}`;
      if (this.#named.has(name)) return;
      this.#named.add(name);
      this.report({
        cause: 'unknown',
        file: typeof file === 'string' ? this.inside(file) : '',
        costs: [],
        message: `${message}${which}${why}`,
      });
    },
  };

  /** A path of the disk as it is inside its directory. */
  inside(path: string): string {
    const { directory } = this.#disk;
    return path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : path;
  }
}
