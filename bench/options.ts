/** The command line. PURE. */
import { parseArgs } from 'node:util';

export interface Options {
  readonly help: boolean;
  readonly quick: boolean;
  readonly json: boolean;
  /** Writes the table into docs/benchmarks.md. */
  readonly write: boolean;
  /** Empty for all. */
  readonly rows: readonly number[];
  readonly rounds: number | undefined;
  /** Of the disks of rows 1 to 6. */
  readonly sizeMib: number | undefined;
  readonly seed: number;
  readonly folder: string | undefined;
  /** For Node of our disk server, `--cpu-prof` for one. */
  readonly nodeFlags: readonly string[];
}

export const USAGE = `npm run bench -- [options]
  api ...        measures the API instead; npm run bench -- api --help
  --quick        short runs on small disks, under two minutes
  --rows 1,5     only these rows
  --rounds N     instead of 5 (3 with --quick)
  --size MIB     of disks of rows 1 to 6, instead of 2 and 8 GiB (256 MiB with --quick)
  --seed N       of the order of rounds and of what fio writes where
  --folder DIR   where disks and images are made; default a new one in the system's temporary folder
  --json         the report as JSON, with every round
  --write        puts the table into docs/benchmarks.md
  --node-flag F  for Node of our disk server; may stand several times
`;

/** @throws {Error} with a sentence for the user. */
export function parseOptions(args: readonly string[], nowMs: number): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      rows: { type: 'string' },
      rounds: { type: 'string' },
      size: { type: 'string' },
      seed: { type: 'string' },
      help: { type: 'boolean', default: false },
      folder: { type: 'string' },
      'node-flag': { type: 'string', multiple: true, default: [] },
    },
  });
  const whole = (name: string, text: string): number => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} takes whole numbers from 1, not ${text}`);
    return value;
  };
  const optional = (name: string, text: string | undefined): number | undefined =>
    text === undefined ? undefined : whole(name, text);
  return {
    help: values.help,
    quick: values.quick,
    json: values.json,
    write: values.write,
    rows: (values.rows ?? '')
      .split(',')
      .filter(Boolean)
      .map((row) => whole('rows', row)),
    rounds: optional('rounds', values.rounds),
    sizeMib: optional('size', values.size),
    seed: optional('seed', values.seed) ?? (Math.floor(nowMs) % 1_000_000) + 1,
    folder: values.folder,
    nodeFlags: values['node-flag'],
  };
}
