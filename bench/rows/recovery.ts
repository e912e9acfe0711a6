/** Row 14: how long a disk takes to open after its server was killed, with its files out of memory. */
import path from 'node:path';

import { GiB, MiB } from '../../src/base/units.ts';
import type { Suite } from '../../src/crypto/aead.ts';
import { fio, nbdTarget } from '../fio.ts';
import type { Line } from '../line.ts';
import { valuesLine } from '../line.ts';
import { NoiseLog } from '../noise.ts';
import { cachedPart, evict } from '../page-cache.ts';
import { randomSeed } from '../stage.ts';
import type { Context } from '../stage.ts';
import { DiskServer } from '../subjects/sealdisk.ts';

export const RECOVERY_ROWS = [14] as const;

const TAIL_BYTES = 256 * MiB;
/** The rest is what the directory's small files may keep. */
const COLD_PART_MAX = 0.02;

export async function recoveryRows(context: Context): Promise<Line[]> {
  const rounds = context.profile.form === 'quick' ? 1 : context.profile.rounds;
  const lines: Line[] = [];
  for (const suite of ['aes-256-gcm', 'sm4-gcm'] as const) {
    const seconds: number[] = [];
    const noise = new NoiseLog();
    let cached = 0;
    for (let round = 0; round < rounds; round++) {
      context.say(`opening after a crash, ${suite}`);
      const opened = await openAfterCrash(context, suite, noise);
      seconds.push(opened.seconds);
      cached = Math.max(cached, opened.cached);
    }
    const flaws = [...noise.flaws, ...(cached > COLD_PART_MAX ? ['the files were still in memory'] : [])];
    lines.push(
      valuesLine({
        row: 14,
        workload: `open after a crash, 256 MiB tail, ${suite}`,
        unit: 's',
        values: seconds,
        goals: [
          { level: 'must', limit: 0.5 },
          { level: 'aim', limit: 0.2 },
        ],
        flaws,
      }),
    );
  }
  return lines;
}

async function openAfterCrash(
  context: Context,
  suite: Suite,
  noise: NoiseLog,
): Promise<{ readonly seconds: number; readonly cached: number }> {
  const dataDirectory = path.join(context.folder, 'crash');
  const diskId = 'd-crash';
  const before = await DiskServer.start(dataDirectory);
  await before.createDisk(diskId, GiB, suite);
  const target = nbdTarget((await before.open(diskId)).socketPath);
  const size = `--size=${TAIL_BYTES}`;
  await fio(target, ['--rw=write', '--bs=1M', '--iodepth=8', size, '--end_fsync=1']);
  // Everything up to here is in the map; what follows is the tail.
  await before.snapshot(diskId, 's-1');
  const seed = `--randseed=${randomSeed(context)}`;
  await fio(target, ['--rw=randwrite', '--bs=4k', '--iodepth=32', size, seed, '--end_fsync=1']);
  await before.kill();
  const files = before.segmentFiles(diskId);
  await evict(files);
  const cached = await cachedPart(files);

  await using server = await DiskServer.start(dataDirectory, { before });
  const started = performance.now();
  await noise.watch([server.pid], () => server.open(diskId));
  return { seconds: (performance.now() - started) / 1000, cached };
}
