/** Row 17: the slowest of a thousand writes while the disk checkpoints or collects, against when it does neither. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { GiB } from '../../src/base/units.ts';
import { fio, nbdTarget } from '../fio.ts';
import { fioWithLatencies } from '../latency-log.ts';
import type { Line } from '../line.ts';
import { valuesLine } from '../line.ts';
import { NoiseLog } from '../noise.ts';
import { percentile } from '../samples.ts';
import { randomSeed } from '../stage.ts';
import type { Context } from '../stage.ts';
import { DiskServer } from '../subjects/sealdisk.ts';

export const TAIL_LATENCY_ROWS = [17] as const;

const SECONDS = { full: 90, quick: 20 };
/** A steady load below what the disk can do, so that waiting is the disk's doing. */
const LOAD = ['--rw=randwrite', '--bs=4k', '--iodepth=8', '--rate_iops=10000', '--norandommap'];
const POLL_MS = 10;
/** p99.9 of fewer is luck. */
const REQUESTS_MIN = 2_000;

export async function tailLatencyRows(context: Context): Promise<Line[]> {
  const { profile, folder, say, nodeFlags } = context;
  say('writes beside checkpoints and collection');
  await using server = await DiskServer.start(path.join(folder, 'tail'), { nodeFlags });
  const diskId = 'd-tail';
  await server.createDisk(diskId, GiB, 'aes-256-gcm');
  const target = nbdTarget((await server.open(diskId)).socketPath);
  const size = `--size=${GiB}`;
  await fio(target, ['--rw=write', '--bs=1M', '--iodepth=8', size, '--end_fsync=1']);
  await fio(target, ['--rw=randwrite', '--bs=4k', '--iodepth=32', size, '--end_fsync=1']);

  const noise = new NoiseLog();
  /** Milliseconds since 1970 at which the disk was seen at work. */
  const working = new Set<number>();
  const before = await server.statistics(diskId);
  const requests = await noise.watch([server.pid], async () => {
    let ended = false;
    const seconds = SECONDS[profile.form];
    const args = [...LOAD, size, '--time_based', `--runtime=${seconds}`, `--randseed=${randomSeed(context)}`];
    const running = fioWithLatencies(target, args, folder).finally(() => {
      ended = true;
    });
    let since = Date.now();
    while (!ended) {
      const { checkpointing, collecting } = await server.statistics(diskId);
      const now = Date.now();
      if (checkpointing || collecting) for (let at = since; at <= now; at++) working.add(at);
      since = now;
      await sleep(POLL_MS);
    }
    return running;
  });
  const after = await server.statistics(diskId);
  const part = (inside: boolean): number[] =>
    requests.filter(({ atMs }) => working.has(atMs) === inside).map(({ milliseconds }) => milliseconds);
  const [idle, busy] = [part(false), part(true)];
  const [idleP999, busyP999] = [percentile(idle, 0.999), percentile(busy, 0.999)];
  const flaws = [...noise.flaws];
  if (busy.length < REQUESTS_MIN || idle.length < REQUESTS_MIN) flaws.push('too few requests in one of the states');
  if (after.checkpoints === before.checkpoints) flaws.push('no checkpoint ran');
  if (after.segmentsCollected === before.segmentsCollected) flaws.push('nothing was collected');
  const ratio = busyP999 / idleP999;
  return [
    {
      ...valuesLine({
        row: 17,
        workload: 'p99.9 of 4 KiB writes while checkpointing and collecting',
        unit: 'ms',
        values: [busyP999],
        others: { idle: idleP999 },
        flaws,
        notes: [`${busy.length} writes beside work, ${idle.length} beside none, 10,000 a second`],
      }),
      verdicts: [
        { level: 'must', goal: '5 x idle', measured: ratio, reached: ratio <= 5 },
        { level: 'aim', goal: '2 x idle', measured: ratio, reached: ratio <= 2 },
      ],
    },
  ];
}
