/** Row 18: a thousand open disks that nobody uses, and the first request to one of them. */
import path from 'node:path';

import { GiB, MiB } from '../../src/base/units.ts';
import { NbdClient } from '../../src/nbd/client.ts';
import type { LimitGoal, Line } from '../line.ts';
import { valuesLine } from '../line.ts';
import { NoiseLog } from '../noise.ts';
import { openFiles, residentBytes } from '../proc.ts';
import type { Context } from '../stage.ts';
import { DiskServer } from '../subjects/sealdisk.ts';

export const MANY_DISKS_ROWS = [18] as const;

const DISKS = { full: 1000, quick: 100 };
/** Disks that get a first request, spread over all. */
const ASKED = 20;

export async function manyDisksRows({ profile, folder, say }: Context): Promise<Line[]> {
  const count = DISKS[profile.form];
  say(`opening ${count} disks`);
  await using server = await DiskServer.start(path.join(folder, 'many'));
  const sockets: string[] = [];
  for (let index = 0; index < count; index++) {
    const diskId = `d-${index}`;
    await server.createDisk(diskId, GiB, 'aes-256-gcm');
    sockets.push((await server.open(diskId)).socketPath);
  }
  const resident = residentBytes(server.pid) / MiB;
  const files = openFiles(server.pid);
  const noise = new NoiseLog();
  const firstMs: Record<'read' | 'write', number[]> = { read: [], write: [] };
  await noise.watch([server.pid], async () => {
    for (let asked = 0; asked < ASKED; asked++) {
      const unixSocket = sockets[Math.floor((asked * count) / ASKED)] ?? '';
      for (const kind of ['read', 'write'] as const) {
        const started = performance.now();
        await using client = await NbdClient.connect({ unixSocket }, '');
        if (kind === 'read') await client.read(0, 4096);
        else await client.write(0, new Uint8Array(4096).fill(1), { fua: true });
        firstMs[kind].push(performance.now() - started);
      }
    }
  });
  const notes = [`${count} disks, ${files} open files`];
  const goals = (must: number, aim?: number): readonly Omit<LimitGoal, 'unit'>[] => [
    { level: 'must', limit: must },
    ...(aim === undefined ? [] : [{ level: 'aim' as const, limit: aim }]),
  ];
  const first = (kind: 'read' | 'write', workload: string): Line => {
    const values = [Math.max(...firstMs[kind])];
    return valuesLine({ row: 18, workload, unit: 'ms', values, goals: goals(50), flaws: noise.flaws });
  };
  return [
    valuesLine({
      row: 18,
      workload: `${count} open idle disks: resident memory`,
      unit: 'MiB',
      values: [resident],
      // The goal is for a thousand.
      goals: count === DISKS.full ? goals(2048, 512) : [],
      notes,
    }),
    first('read', `first read of an idle disk, the slowest of ${ASKED}`),
    first('write', `first durable write of an idle disk, the slowest of ${ASKED}`),
  ];
}
