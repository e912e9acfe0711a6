import { GiB, MiB } from '../src/base/units.ts';

/** How much of everything a form of the benchmark does. */
export interface Profile {
  readonly form: 'full' | 'quick';
  readonly rounds: number;
  /** Of one timed run. */
  readonly seconds: number;
  /** Of one run of row 1. */
  readonly steadySeconds: number;
  /** Size of disks of rows 2 to 6. */
  readonly sizeBytes: number;
  /** Size of the disk of row 1 and how often it is overwritten first. */
  readonly steadySizeBytes: number;
  readonly overwrites: number;
}

export const FULL: Profile = {
  form: 'full',
  rounds: 5,
  seconds: 5,
  steadySeconds: 60,
  sizeBytes: 2 * GiB,
  steadySizeBytes: 8 * GiB,
  overwrites: 3,
};

export const QUICK: Profile = {
  form: 'quick',
  rounds: 3,
  seconds: 0.5,
  steadySeconds: 1.5,
  sizeBytes: 256 * MiB,
  steadySizeBytes: 256 * MiB,
  // Row 6 has overwritten it once.
  overwrites: 0,
};

export function profileOf(options: {
  readonly quick: boolean;
  readonly rounds: number | undefined;
  readonly sizeMib: number | undefined;
}): Profile {
  const profile = options.quick ? QUICK : FULL;
  const sizes =
    options.sizeMib === undefined ? {} : { sizeBytes: options.sizeMib * MiB, steadySizeBytes: options.sizeMib * MiB };
  return { ...profile, ...sizes, rounds: options.rounds ?? profile.rounds };
}
