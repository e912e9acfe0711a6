/** Rows 11 and 12: snapshots and disks from snapshots, through the API of the whole server. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { MiB } from '../../src/base/units.ts';
import { NbdClient } from '../../src/nbd/client.ts';
import { Api, unixAddress } from '../../test/support/api.ts';
import { TestServer } from '../../test/support/start-server.ts';
import { nbdTarget } from '../fio.ts';
import { fio } from '../fio.ts';
import { fioWithLatencies } from '../latency-log.ts';
import type { Line } from '../line.ts';
import { valuesLine } from '../line.ts';
import { NoiseLog } from '../noise.ts';
import { killAtExit } from '../run.ts';
import { percentile } from '../samples.ts';
import { randomSeed } from '../stage.ts';
import type { Context } from '../stage.ts';

export const SNAPSHOT_ROWS = [11, 12] as const;

/** What clones are made of, small and large. */
const CLONED_MIB = { full: [256, 4096], quick: [64, 512] } as const;
const DISK_GIB = '8';
const LOAD = ['--rw=randwrite', '--bs=4k', '--iodepth=8', '--rate_iops=5000', '--norandommap'];
const LOAD_BYTES = 512 * MiB;
const PAUSE_MS = 300;

export async function snapshotRows(context: Context): Promise<Line[]> {
  const { folder, wanted } = context;
  await using server = await TestServer.start({ dataDirectory: path.join(folder, 'server') });
  const pids = [server.pid, ...(await server.diskServerPids())];
  killAtExit(pids);
  const api = new Api(server);
  await api.openKms();
  await api.authorizeDiskEncryption();
  const key = await api.createKey();
  const made = { Size: DISK_GIB, Encrypted: 'true', KMSKeyId: key };
  return [
    ...(wanted.has(11) ? await snapshotsUnderLoad(context, api, made, pids) : []),
    ...(wanted.has(12) ? await clones(context, api, made, pids) : []),
  ];
}

async function snapshotsUnderLoad(
  context: Context,
  api: Api,
  made: Record<string, string>,
  pids: readonly number[],
): Promise<Line[]> {
  const { profile, say } = context;
  say('snapshots under load');
  const diskId = await api.createDisk(made);
  const address = unixAddress(await api.exportDisk(diskId));
  const target = nbdTarget('unixSocket' in address ? address.unixSocket : '');
  await fio(target, ['--rw=write', '--bs=1M', '--iodepth=8', `--size=${LOAD_BYTES}`, '--end_fsync=1']);
  const seconds = Math.max(4, profile.seconds * 2);
  const args = [...LOAD, `--size=${LOAD_BYTES}`, '--time_based', `--runtime=${seconds}`];
  const noise = new NoiseLog();
  const windows: { readonly from: number; readonly to: number }[] = [];
  const requests = await noise.watch(pids, async () => {
    const running = fioWithLatencies(target, [...args, `--randseed=${randomSeed(context)}`], context.folder);
    const end = performance.now() + (seconds - 1) * 1000;
    await sleep(PAUSE_MS * 2);
    while (performance.now() < end) {
      const from = Date.now();
      await api.createSnapshot(diskId);
      windows.push({ from, to: Date.now() });
      await sleep(PAUSE_MS);
    }
    return running;
  });
  const during = (atMs: number): boolean => windows.some(({ from, to }) => atMs >= from && atMs <= to + 1);
  const part = (inside: boolean): number[] =>
    requests.filter(({ atMs }) => during(atMs) === inside).map(({ milliseconds }) => milliseconds);
  const [beside, inside] = [part(false), part(true)];
  const flaws = [...noise.flaws, ...(inside.length < 100 ? ['too few requests met a snapshot'] : [])];
  const added = percentile(inside, 0.99) - percentile(beside, 0.99);
  const notes = [
    `${windows.length} snapshots under 5,000 writes a second; p99 beside them ${percentile(beside, 0.99).toFixed(2)} ms`,
  ];
  return [
    valuesLine({
      row: 11,
      workload: 'snapshot under load, CreateSnapshot answered',
      unit: 'ms',
      values: windows.map(({ from, to }) => to - from),
      goals: [{ level: 'must', limit: 100 }],
      flaws: noise.flaws,
      notes,
    }),
    valuesLine({
      row: 11,
      workload: 'snapshot under load, added p99 of 4 KiB writes',
      unit: 'ms',
      values: [added],
      goals: [
        { level: 'must', limit: 20 },
        { level: 'aim', limit: 10 },
      ],
      flaws,
    }),
  ];
}

async function clones(
  context: Context,
  api: Api,
  made: Record<string, string>,
  pids: readonly number[],
): Promise<Line[]> {
  const { profile, say } = context;
  const lines: Line[] = [];
  for (const mib of CLONED_MIB[profile.form]) {
    say(`clones of ${mib} MiB`);
    const diskId = await api.createDisk(made);
    const exported = await api.exportDisk(diskId);
    const address = unixAddress(exported);
    const target = nbdTarget('unixSocket' in address ? address.unixSocket : '');
    await fio(target, ['--rw=write', '--bs=1M', '--iodepth=8', `--size=${mib}M`, '--end_fsync=1']);
    const SnapshotId = await api.createSnapshot(diskId);
    await api.unexport(exported.ExportId);
    const noise = new NoiseLog();
    const times: number[] = [];
    for (let round = 0; round < profile.rounds; round++) {
      const started = performance.now();
      const opened = await noise.watch(pids, async () => {
        const clone = await api.exportDisk(await api.createDisk({ ...made, SnapshotId }));
        await using client = await NbdClient.connect(unixAddress(clone), '');
        await client.read(0, 4096);
        times.push(performance.now() - started);
        return clone;
      });
      await api.unexport(opened.ExportId);
    }
    lines.push(
      valuesLine({
        row: 12,
        workload: `disk from a snapshot of ${mib} MiB, to its first byte`,
        unit: 'ms',
        values: times,
        goals: [
          { level: 'must', limit: 100 },
          { level: 'aim', limit: 20 },
        ],
        flaws: noise.flaws,
        notes: ['CreateDisk, ExportDisk, connect, read'],
      }),
    );
  }
  return lines;
}
