/** The loads of rows 1 to 6 as fio runs them. */
import { BLOCK_SIZE_BYTES, MiB } from '../src/base/units.ts';
import { fio } from './fio.ts';
import type { FioResult } from './fio.ts';
import type { Measurement } from './rounds.ts';
import type { Subject } from './subjects/subject.ts';

export interface Workload {
  readonly name: string;
  readonly unit: 'IOPS' | 'MB/s';
  /** Besides size and place. */
  readonly args: readonly string[];
  /** Runs for a time, or once over the whole disk. */
  readonly timed: boolean;
}

const RANDOM = ['--norandommap', '--random_generator=tausworthe64'];

export const RANDOM_WRITE: Workload = {
  name: '4 KiB random write QD32',
  unit: 'IOPS',
  args: ['--rw=randwrite', '--bs=4k', '--iodepth=32', ...RANDOM],
  timed: true,
};
export const RANDOM_READ: Workload = {
  name: '4 KiB random read QD32',
  unit: 'IOPS',
  args: ['--rw=randread', '--bs=4k', '--iodepth=32', ...RANDOM],
  timed: true,
};
export const RANDOM_READ_ALONE: Workload = {
  name: '4 KiB random read QD1',
  unit: 'IOPS',
  args: ['--rw=randread', '--bs=4k', '--iodepth=1', ...RANDOM],
  timed: true,
};
export const FLUSHED_WRITE: Workload = {
  name: '4 KiB random write + flush QD1',
  unit: 'IOPS',
  args: ['--rw=randwrite', '--bs=4k', '--iodepth=1', '--fsync=1', ...RANDOM],
  timed: true,
};
export const FLUSHED_WRITES: Workload = {
  name: '4 KiB random write + flush QD16',
  unit: 'IOPS',
  args: ['--rw=randwrite', '--bs=4k', '--iodepth=16', '--fsync=1', ...RANDOM],
  timed: true,
};
export const SEQUENTIAL_WRITE: Workload = {
  name: 'sequential write 1 MiB QD8, fsync at end',
  unit: 'MB/s',
  args: ['--rw=write', '--bs=1M', '--iodepth=8', '--end_fsync=1'],
  timed: false,
};
export const SEQUENTIAL_READ: Workload = {
  name: 'sequential read 1 MiB QD8',
  unit: 'MB/s',
  args: ['--rw=read', '--bs=1M', '--iodepth=8'],
  timed: false,
};
/** Every block once, in random order: preconditioning, not a row. */
export const OVERWRITE: Workload = {
  name: 'overwrite every block once',
  unit: 'IOPS',
  args: ['--rw=randwrite', '--bs=4k', '--iodepth=32', '--end_fsync=1'],
  timed: false,
};

export async function runWorkload(
  workload: Workload,
  subject: Subject,
  options: { readonly seconds: number; readonly randomSeed: number },
): Promise<Measurement> {
  const args = [...workload.args, `--size=${subject.sizeBytes}`, `--randseed=${options.randomSeed}`];
  if (workload.timed) args.push('--time_based', `--runtime=${Math.round(options.seconds * 1000)}ms`);
  return measurementOf(workload, await fio(subject.target, args));
}

export function measurementOf({ unit }: Workload, result: FioResult): Measurement {
  return {
    value: unit === 'IOPS' ? result.iops : result.bytesPerSecond / 1e6,
    operations4k: result.bytes / BLOCK_SIZE_BYTES,
    latency: result.latency,
  };
}

/** Writes with checksums and reads them back, apart from everything that is timed. @throws when a block differs. */
export async function verifyData(subject: Subject): Promise<void> {
  const size = Math.min(subject.sizeBytes / 16, 64 * MiB);
  const check = ['--verify=crc32c', '--verify_fatal=1', '--verify_state_save=0', `--size=${size}`];
  await fio(subject.target, ['--rw=randwrite', '--bs=4k', '--iodepth=32', ...check]);
  await fio(subject.target, ['--rw=write', '--bs=1M', '--iodepth=8', ...check]);
}
