import type { Logger } from '../../base/log.ts';
import { DAMAGES_MAX } from './scrub-report.ts';
import type { Damage } from './scrub-report.ts';

/** What a scrub has found: told in the log at once, and kept for its report. */
export class Damages {
  readonly #log: Logger;
  readonly #directory: string;
  readonly #disk: Readonly<Record<string, string>>;
  readonly #found: Damage[] = [];
  readonly #named = new Set<string>();
  #count = 0;

  /** @param disk how the log names it. */
  constructor(log: Logger, directory: string, disk: Readonly<Record<string, string>>) {
    this.#log = log;
    this.#directory = directory;
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
    this.#count += 1;
    if (this.#found.length >= DAMAGES_MAX) return;
    this.#found.push(damage);
    const { message, costs, ...fields } = damage;
    const [cost] = costs;
    const block = cost === undefined ? {} : { block: cost.firstBlock, snapshotId: cost.snapshotId };
    this.#log.error({ ...this.#disk, ...fields, ...block, message }, 'the scrub found damage');
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
    return path.startsWith(`${this.#directory}/`) ? path.slice(this.#directory.length + 1) : path;
  }
}
