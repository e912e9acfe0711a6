/** One run of fio, and what it says. */
import { must } from './run.ts';

/** One direction (reads or writes) of a run. */
export interface FioResult {
  readonly iops: number;
  readonly bytesPerSecond: number;
  /** Requests that were answered. */
  readonly operations: number;
  readonly bytes: number;
  /** Of completed requests, seconds. */
  readonly latency: { readonly median: number; readonly p99: number; readonly p999: number };
}

/** What fio runs against: its engine and the place. */
export type FioTarget = readonly string[];

export function nbdTarget(socketPath: string, exportName = ''): FioTarget {
  return ['--ioengine=nbd', `--uri=nbd+unix:///${exportName}?socket=${socketPath}`];
}

export async function fio(target: FioTarget, args: readonly string[]): Promise<FioResult> {
  const out = await must('fio', ['--name=bench', ...target, ...args, '--output-format=json']);
  return parseFio(out);
}

interface Direction {
  readonly iops: number;
  readonly bw_bytes: number;
  readonly total_ios: number;
  readonly io_bytes: number;
  readonly clat_ns?: { readonly percentile?: Readonly<Record<string, number>> };
}

/** @param text what fio prints with --output-format=json; warnings may stand before it. */
export function parseFio(text: string): FioResult {
  const { jobs } = JSON.parse(text.slice(text.indexOf('{'))) as {
    jobs: readonly { readonly error: number; readonly read: Direction; readonly write: Direction }[];
  };
  const [job] = jobs;
  if (job === undefined || job.error !== 0) throw new Error(`fio failed with ${job?.error ?? 'no job'}`);
  const direction = job.read.total_ios >= job.write.total_ios ? job.read : job.write;
  const at = (name: string): number => (direction.clat_ns?.percentile?.[name] ?? Number.NaN) / 1e9;
  return {
    iops: direction.iops,
    bytesPerSecond: direction.bw_bytes,
    operations: direction.total_ios,
    bytes: direction.io_bytes,
    latency: { median: at('50.000000'), p99: at('99.000000'), p999: at('99.900000') },
  };
}
