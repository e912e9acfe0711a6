// docs/internals/restore.md: each part of a data directory, old, current, absent, or copied while it was written.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { NbdClient } from '../../src/nbd/client.ts';
import { Api, unixAddress } from '../support/api.ts';
import { TestServer } from '../support/start-server.ts';

const BLOCK = 4096;
const root = mkdtempSync(path.join(tmpdir(), 'sealdisk-restore-'));
const at = (...names: string[]): string => path.join(root, ...names);
/** `first` was there from the beginning; `second`, its key and the snapshot of `first` are newer than the old copy. */
const disks = { first: '', second: '' };
let snapshotId = '';

after(() => rmSync(root, { recursive: true, force: true }));

async function write(api: Api, diskId: string, value: number): Promise<void> {
  const exported = await api.exportDisk(diskId);
  const client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
  await client.write(0, Buffer.alloc(BLOCK, value), { fua: true });
  await client.disconnect();
  await api.unexport(exported.ExportId);
}

before(async () => {
  await using server = await TestServer.start();
  const api = new Api(server);
  await api.openKms();
  await api.authorizeDiskEncryption();
  disks.first = await api.createDisk({ Encrypted: 'true' });
  await write(api, disks.first, 1);
  await server.kill('SIGTERM');
  cpSync(server.dataDirectory, at('old'), { recursive: true });

  await server.start();
  disks.second = await api.createDisk({ Encrypted: 'true', KMSKeyId: await api.createKey() });
  await write(api, disks.second, 5);
  const exported = await api.exportDisk(disks.first);
  const client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
  await client.write(0, Buffer.alloc(BLOCK, 2), { fua: true });
  // A copy that takes minutes: what is in it comes from different moments.
  for (const name of readdirSync(server.dataDirectory))
    if (name !== 'disks' && statSync(path.join(server.dataDirectory, name)).isFile())
      cpSync(path.join(server.dataDirectory, name), at('fuzzy', name));
  cpSync(path.join(server.dataDirectory, 'keys'), at('fuzzy', 'keys'), { recursive: true });
  const files = path.join(server.dataDirectory, 'disks', disks.first);
  for (const name of ['head', 'mark', 'lock', 'tables'])
    cpSync(path.join(files, name), at('fuzzy', 'disks', disks.first, name), { recursive: true });
  snapshotId = await api.createSnapshot(disks.first);
  await client.write(0, Buffer.alloc(BLOCK, 3), { fua: true });
  for (const name of ['seg', 'roots'])
    cpSync(path.join(files, name), at('fuzzy', 'disks', disks.first, name), { recursive: true });
  cpSync(path.join(server.dataDirectory, 'disks', disks.second), at('fuzzy', 'disks', disks.second), {
    recursive: true,
  });
  await client.disconnect();
  await api.unexport(exported.ExportId);
  await server.kill('SIGTERM');
  cpSync(server.dataDirectory, at('current'), { recursive: true });
  mkdirSync(at('other'));
  writeFileSync(at('other', 'root.key'), randomBytes(32), { mode: 0o600 });
});

type Part = 'everything' | 'disk' | 'database' | 'root.key' | 'keyring' | 'keys';
/** `fuzzy`: copied while it was written. `other`: of another data directory. */
type Version = 'old' | 'current' | 'absent' | 'fuzzy' | 'other';

const FILES: Readonly<Record<Exclude<Part, 'everything'>, () => string[]>> = {
  disk: () => [path.join('disks', disks.first)],
  database: () => ['metadata.db', 'metadata.db-wal', 'metadata.db-shm'],
  'root.key': () => ['root.key'],
  keyring: () => ['keyring'],
  keys: () => ['keys'],
};

function put(part: Exclude<Part, 'everything'>, version: Version, directory: string): void {
  for (const name of FILES[part]()) {
    rmSync(path.join(directory, name), { recursive: true, force: true });
    const from = at(version, name);
    if (existsSync(from)) cpSync(from, path.join(directory, name), { recursive: true });
  }
}

function prepare(part: Part, version: Version): string {
  const directory = at(`${part}-${version}`);
  if (part === 'everything') {
    if (version !== 'absent') cpSync(at(version), directory, { recursive: true });
    return directory;
  }
  cpSync(at('current'), directory, { recursive: true });
  put(part, version, directory);
  return directory;
}

/** What is never removed, whatever was put beside it. */
function precious(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return (readdirSync(directory, { recursive: true }) as string[])
    .filter((name) => /(^|\/)(seg|roots|keys)\//.test(name))
    .sort();
}

interface Said {
  /** Why the server did not start. */
  start?: string;
  /** Of both disks the first byte, or why there is none. */
  first?: number | string;
  second?: number | string;
}

/** What the system says when it is started on `directory`; nothing that was there may be gone afterwards. */
async function outcome(directory: string): Promise<Said> {
  const kept = precious(directory);
  const said: Said = {};
  try {
    await using server = await TestServer.start({ dataDirectory: directory });
    const api = new Api(server);
    // A copied database may know of exports that were open then.
    const { Exports } = await api.call<{ Exports: { Export: { ExportId: string }[] } }>(
      'sealdisk',
      'DescribeDiskExports',
    );
    for (const { ExportId } of Exports.Export) await api.unexport(ExportId, { Force: 'true' });
    for (const name of ['first', 'second'] as const) said[name] = await firstByte(api, disks[name]);
  } catch (error) {
    said.start = (error as Error).message;
  }
  const left = precious(directory);
  assert.deepEqual(
    kept.filter((name) => !left.includes(name)),
    [],
    'nothing is deleted',
  );
  return said;
}

async function firstByte(api: Api, diskId: string, parameters: Record<string, string> = {}): Promise<number | string> {
  try {
    const exported = await api.exportDisk(diskId, parameters);
    const client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
    const [byte = -1] = await client.read(0, BLOCK);
    await client.disconnect();
    await api.unexport(exported.ExportId);
    return byte;
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    if (!message.includes('was left open') || parameters['Adopt'] === 'true') return `${code}: ${message}`;
    return `left open; adopted: ${await firstByte(api, diskId, { Adopt: 'true' })}`;
  }
}

const UNKNOWN = /^InvalidDiskId\.NotFound/;
const ROLLED_BACK = /^DiskError: .*put the newer files back/;
const NO_MATERIAL = /^DiskError: .*restore keys\//;

/** Each cell of the table in docs/internals/restore.md that differs from `current`. */
const CELLS: readonly (readonly [Part, Version, { readonly [key in keyof Said]: number | RegExp }])[] = [
  ['everything', 'current', { first: 3, second: 5 }],
  ['everything', 'old', { first: 1, second: UNKNOWN }],
  ['everything', 'absent', { first: UNKNOWN, second: UNKNOWN }],
  ['everything', 'fuzzy', { first: /^left open; adopted: [23]$/, second: 5 }],
  ['disk', 'old', { first: ROLLED_BACK, second: 5 }],
  ['disk', 'absent', { first: /there is no disk in/, second: 5 }],
  ['disk', 'fuzzy', { first: ROLLED_BACK, second: 5 }],
  ['database', 'old', { first: 3, second: UNKNOWN }],
  ['database', 'absent', { first: UNKNOWN, second: UNKNOWN }],
  ['database', 'fuzzy', { first: 3, second: 5 }],
  ['root.key', 'absent', { start: /ROOT_KEY_MISSING/ }],
  ['root.key', 'other', { start: /ROOT_KEY_MISMATCH/ }],
  ['keyring', 'absent', { start: /KEYRING_MISSING/ }],
  ['keyring', 'old', { first: 3, second: 5 }],
  ['keys', 'old', { first: 3, second: NO_MATERIAL }],
  ['keys', 'absent', { first: NO_MATERIAL, second: NO_MATERIAL }],
];

for (const [part, version, expected] of CELLS)
  test(`${part}, ${version}: what the system says, and nothing is deleted`, async () => {
    const said = await outcome(prepare(part, version));
    assert.deepEqual(Object.keys(said).sort(), Object.keys(expected).sort(), JSON.stringify(said));
    for (const [key, wanted] of Object.entries(expected) as [keyof Said, number | RegExp][])
      if (typeof wanted === 'number') assert.equal(said[key], wanted);
      else assert.match(String(said[key]), wanted);
  });

test('the other copies of the root key and of keys are the current ones, byte for byte', () => {
  for (const version of ['old', 'fuzzy'])
    assert.deepEqual(readFileSync(at(version, 'root.key')), readFileSync(at('current', 'root.key')));
  const keys = readdirSync(at('current', 'keys'));
  assert.ok(keys.length > readdirSync(at('old', 'keys')).length);
  for (const name of keys)
    assert.deepEqual(readFileSync(at('fuzzy', 'keys', name)), readFileSync(at('current', 'keys', name)));
});

for (const [part, version] of [
  ['database', 'old'],
  ['keys', 'absent'],
  ['disk', 'fuzzy'],
] as const)
  test(`when the current ${part} is put back after ${version}, everything is there, snapshots too`, async () => {
    const directory = at(`${part}-${version}`);
    put(part, 'current', directory);
    assert.deepEqual(await outcome(directory), { first: 3, second: 5 });
    assert.ok(existsSync(path.join(directory, 'disks', disks.first, 'roots', snapshotId)));
  });

test('an old database deletes no newer snapshot with its disk: the current one, put back, clones it', async () => {
  const directory = at('deleted');
  cpSync(at('current'), directory, { recursive: true });
  put('database', 'old', directory);
  const root = path.join('roots', snapshotId);
  {
    await using server = await TestServer.start({ dataDirectory: directory });
    const api = new Api(server);
    await api.call('ecs', 'DeleteDisk', { DiskId: disks.first });
    assert.ok(!existsSync(path.join(directory, 'disks', disks.first)));
    assert.ok(existsSync(path.join(directory, 'retired', disks.first, root)));
    await server.kill('SIGTERM');
  }
  put('database', 'current', directory);
  await using server = await TestServer.start({ dataDirectory: directory });
  const api = new Api(server);
  const clone = await api.createDisk({ Encrypted: 'true', SnapshotId: snapshotId });
  assert.equal(await firstByte(api, clone), 2);
  await api.call('ecs', 'DeleteDisk', { DiskId: disks.first });
  assert.ok(existsSync(path.join(directory, 'retired', disks.first, root)));
  await api.call('ecs', 'DeleteSnapshot', { SnapshotId: snapshotId, Force: 'true' });
  assert.ok(!existsSync(path.join(directory, 'retired', disks.first)));
});
