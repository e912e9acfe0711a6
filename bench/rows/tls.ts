/** Row 10: over TLS with nbdcopy, because fio's NBD engine takes no pre-shared key from a URI. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';

import { MiB } from '../../src/base/units.ts';
import type { Line } from '../line.ts';
import { roundsLine } from '../line.ts';
import { interleave } from '../rounds.ts';
import { must } from '../run.ts';
import type { Context } from '../stage.ts';
import { qemuLuksTls } from '../subjects/peers.ts';
import { DiskServer } from '../subjects/sealdisk.ts';
import type { Subject, SubjectId } from '../subjects/subject.ts';

export const TLS_ROWS = [10] as const;

/** A subject that nbdcopy reaches by its URI. */
interface Copied extends Subject {
  readonly uri: string;
}

export async function tlsRows(context: Context): Promise<Line[]> {
  const { profile, random, say } = context;
  const folder = path.join(context.folder, 'tls');
  mkdirSync(folder);
  const sizeBytes = profile.sizeBytes;
  const source = path.join(folder, 'source');
  await must('dd', ['if=/dev/urandom', `of=${source}`, 'bs=1M', `count=${sizeBytes / MiB}`, 'status=none']);

  await using server = await DiskServer.start(path.join(folder, 'S'));
  await using peer = await qemuLuksTls(folder, sizeBytes, await freePort());
  const subjects: Copied[] = [...(await ours(server, folder, sizeBytes)), peer];
  const lines: Line[] = [];
  // Written first, so that there is something to read.
  for (const direction of ['write', 'read'] as const) {
    say(`nbdcopy, ${direction}`);
    const measured = await interleave(subjects, {
      rounds: profile.rounds,
      random,
      everyone: subjects,
      mustBeCached: () => direction === 'read',
      measure: async ({ id }) => {
        const { uri } = subjects.find((subject) => subject.id === id) as Copied;
        const started = performance.now();
        await must('nbdcopy', direction === 'read' ? [uri, 'null:'] : ['--flush', source, uri]);
        const seconds = (performance.now() - started) / 1000;
        return { value: sizeBytes / seconds / 1e6, operations4k: sizeBytes / 4096 };
      },
    });
    const goal = (level: 'must' | 'aim', factor: number, ...peers: SubjectId[]) => ({ level, factor, peers });
    const goals = [goal('must', 0.4, 'P'), goal('must', 1, 'Q'), goal('aim', 0.5, 'P')];
    const notes = ['S and Q over TLS, P is us on a Unix socket without TLS'];
    lines.push(
      roundsLine({ row: 10, workload: `nbdcopy ${direction} over TLS`, unit: 'MB/s', us: 'S', measured, goals, notes }),
    );
  }
  rmSync(folder, { recursive: true, force: true });
  return lines;
}

/** One disk, reached in two ways. */
async function ours(server: DiskServer, folder: string, sizeBytes: number): Promise<Copied[]> {
  const diskId = 'd-tls';
  await server.createDisk(diskId, Math.max(sizeBytes, 2 ** 30), 'aes-256-gcm');
  const psk = randomBytes(32);
  const pskFile = path.join(folder, 'ours.psk');
  writeFileSync(pskFile, `${diskId}:${psk.toString('hex')}\n`, { mode: 0o600 });
  const { socketPath } = await server.open(diskId, psk);
  const copied = (id: SubjectId, uri: string): Copied => ({
    id,
    sizeBytes,
    folder,
    target: [],
    pid: server.pid,
    uri,
    files: () => server.segmentFiles(diskId),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
  return [
    copied('S', `nbds://${diskId}@${server.nbdAddress}/${diskId}?tls-psk-file=${pskFile}`),
    copied('P', `nbd+unix:///${diskId}?socket=${socketPath}`),
  ];
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
