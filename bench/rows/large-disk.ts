/**
 * Rows 2 (second part), 13 and 16: a disk of 2 TiB whose map is that of a full one. Every 2 MiB, the reach of a page of
 * the map, holds one block, so that each page exists and is visited, with a 512th of the contents.
 */
import path from 'node:path';

import { GiB, MiB, TiB } from '../../src/base/units.ts';
import { NbdClient } from '../../src/nbd/client.ts';
import { fio, nbdTarget } from '../fio.ts';
import type { Line } from '../line.ts';
import { valuesLine } from '../line.ts';
import { NoiseLog } from '../noise.ts';
import { warm } from '../page-cache.ts';
import { residentBytes } from '../proc.ts';
import { median } from '../samples.ts';
import { segmentMemoryBytes } from '../segment-memory.ts';
import { randomSeed } from '../stage.ts';
import type { Context } from '../stage.ts';
import { DiskServer } from '../subjects/sealdisk.ts';

export const LARGE_DISK_ROWS = [2, 13, 16] as const;

const MAPPED_BYTES = { full: TiB, quick: 64 * GiB };
const LEAF_BYTES = 2 * MiB;
const DISK_BYTES = 2 * TiB;
const SMALL_BYTES = 256 * MiB;
/** The longest TRIM that simple NBD headers carry, in whole leaves. */
const TRIM_BYTES_MAX = 4 * GiB - LEAF_BYTES;

const RANDOM_READ = ['--rw=randread', '--bs=4k', '--iodepth=32', '--norandommap', '--random_generator=tausworthe64'];

export async function largeDiskRows(context: Context): Promise<Line[]> {
  const { profile, folder, say, wanted } = context;
  const mapped = MAPPED_BYTES[profile.form];
  const gib = mapped / GiB;
  await using server = await DiskServer.start(path.join(folder, 'large'), { nodeFlags: context.nodeFlags });
  const target = async (diskId: string, sizeBytes: number): Promise<readonly string[]> => {
    await server.createDisk(diskId, sizeBytes, 'aes-256-gcm');
    return nbdTarget((await server.open(diskId)).socketPath);
  };
  const seed = (): string => `--randseed=${randomSeed(context)}`;
  const small = await target('d-small', GiB);
  await fio(small, ['--rw=write', '--bs=1M', '--iodepth=8', `--size=${SMALL_BYTES}`, '--end_fsync=1']);
  const time = ['--time_based', `--runtime=${Math.round(profile.seconds * 1000)}ms`];
  const readSmall = (): Promise<number> =>
    fio(small, [...RANDOM_READ, `--size=${SMALL_BYTES}`, ...time, seed()]).then(({ iops }) => iops);
  await readSmall();
  const residentBefore = residentBytes(server.pid);

  say(`mapping ${gib} GiB`);
  const large = await target('d-large', DISK_BYTES);
  const spread = ['--bs=4k', `--blockalign=${LEAF_BYTES}`, `--size=${mapped}`];
  await fio(large, [
    '--rw=randwrite',
    '--iodepth=32',
    `--io_size=${(mapped / LEAF_BYTES) * 4096}`,
    ...spread,
    '--end_fsync=1',
  ]);
  await server.snapshot('d-large', 's-1');

  const lines: Line[] = [];
  if (wanted.has(2)) {
    say('reading at random');
    const noise = new NoiseLog();
    const ratios: number[] = [];
    const iops: number[] = [];
    const smallIops: number[] = [];
    await warm([...server.segmentFiles('d-large'), ...server.segmentFiles('d-small')]);
    for (let round = 0; round < profile.rounds; round++) {
      const read = [...RANDOM_READ.filter((arg) => arg !== '--bs=4k'), ...spread, ...time, seed()];
      const [ofLarge, ofSmall] = await noise.watch([server.pid], async () => [
        (await fio(large, read)).iops,
        await readSmall(),
      ]);
      iops.push(ofLarge);
      smallIops.push(ofSmall);
      ratios.push(ofLarge / ofSmall);
    }
    const ratio = median(ratios);
    lines.push({
      row: 2,
      workload: `4 KiB random read QD32 on ${gib} GiB mapped`,
      unit: 'IOPS',
      ours: median(iops),
      others: { 'small disk': median(smallIops) },
      verdicts: [{ level: 'must', goal: '0.5 x our small disk', measured: ratio, reached: ratio >= 0.5 }],
      flaws: noise.flaws,
      notes: [
        `one block in each 2 MiB of ${gib} GiB: the map of a full disk of that size, ${gib / 512} GiB, through the default cache`,
      ],
    });
  }
  if (wanted.has(16)) {
    const grown = (residentBytes(server.pid) - residentBefore) / MiB;
    const segments = (segmentMemoryBytes() / MiB) * (mapped / TiB);
    lines.push(
      valuesLine({
        row: 16,
        workload: `growth of resident memory with ${gib} GiB mapped`,
        unit: 'MiB',
        values: [grown + segments],
        goals: [{ level: 'must', limit: 256 }],
        notes: [
          `the whole process after writing and reading, ${grown.toFixed(0)} MiB, and ${segments.toFixed(0)} MiB for the ` +
            'segments of full contents, measured apart',
        ],
      }),
    );
  }
  if (wanted.has(13)) lines.push(await trimWhole(context, server, gib));
  return lines;
}

async function trimWhole({ say }: Context, server: DiskServer, gib: number): Promise<Line> {
  say('trimming 2 TiB');
  const noise = new NoiseLog();
  const unixSocket = server.socketOf('d-large');
  await using client = await NbdClient.connect({ unixSocket }, '');
  const started = performance.now();
  await noise.watch([server.pid], async () => {
    const trims: Promise<void>[] = [];
    for (let offset = 0; offset < client.sizeBytes; offset += TRIM_BYTES_MAX)
      trims.push(client.trim(offset, Math.min(TRIM_BYTES_MAX, client.sizeBytes - offset)));
    await Promise.all(trims);
    await client.flush();
  });
  const seconds = (performance.now() - started) / 1000;
  const checkpointStarted = performance.now();
  await server.snapshot('d-large', 's-2');
  const checkpoint = ((performance.now() - checkpointStarted) / 1000).toFixed(2);
  const left = await client.blockStatus(0, 4 * GiB - LEAF_BYTES);
  const flaws = left.every(({ hole }) => hole) ? noise.flaws : ['the disk was not empty afterwards'];
  return valuesLine({
    row: 13,
    workload: `TRIM of 2 TiB, ${gib} GiB of it mapped`,
    unit: 's',
    values: [seconds],
    goals: [{ level: 'must', limit: 1 }],
    flaws,
    notes: [`until the flush after it was answered; the checkpoint behind it took ${checkpoint} s`],
  });
}
