// Disks that move between two installations through the command line, while programs die.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { MiB } from '../../src/base/units.ts';
import { NbdClient } from '../../src/nbd/client.ts';
import { Api, unixAddress } from '../support/api.ts';
import { SEALDISK, TestServer, until } from '../support/start-server.ts';

const SIZE = 40 * MiB;

interface Received {
  readonly DiskId: string;
  readonly SnapshotId: string;
}

/** A server on which encryption works. */
async function readyServer(): Promise<{ server: TestServer; api: Api } & AsyncDisposable> {
  const server = await TestServer.start();
  const api = new Api(server);
  await api.openKms();
  await api.authorizeDiskEncryption();
  return { server, api, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

function folder(): { readonly in: (name: string) => string } & Disposable {
  const directory = mkdtempSync(path.join(tmpdir(), 'sealdisk-streams-'));
  writeFileSync(path.join(directory, 'passphrase'), 'correct horse battery staple\n');
  return {
    in: (name) => path.join(directory, name),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

async function onDisk<T>(api: Api, diskId: string, work: (client: NbdClient) => Promise<T>): Promise<T> {
  const exported = await api.exportDisk(diskId);
  try {
    await using client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
    return await work(client);
  } finally {
    await api.unexport(exported.ExportId);
  }
}

const contentOf = (api: Api, diskId: string): Promise<Uint8Array> =>
  onDisk(api, diskId, (client) => client.read(0, SIZE));

/** The command with standard input from, or standard output to, a file. */
function run(
  server: TestServer,
  args: readonly string[],
  files: {
    readonly from?: string;
    readonly to?: string;
    readonly start?: number;
    readonly append?: boolean;
    readonly held?: boolean;
  },
): { readonly child: ChildProcess; readonly ended: Promise<{ code: number; stdout: string; stderr: string }> } {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', SEALDISK, 'disk', ...args, '--data-dir', server.dataDirectory],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  let [stdout, stderr] = ['', ''];
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => undefined);
  if (files.from === undefined) child.stdin.end();
  else createReadStream(files.from, { start: files.start ?? 0 }).pipe(child.stdin);
  const written =
    files.to === undefined
      ? (files.held === true || child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text)),
        Promise.resolve())
      : new Promise<void>((resolve) => {
          const file = createWriteStream(files.to ?? '', { flags: files.append === true ? 'a' : 'w' });
          child.stdout.pipe(file).on('close', () => resolve());
        });
  const ended = new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    child.once('close', (code) => void written.then(() => resolve({ code: code ?? -1, stdout, stderr })));
  });
  return { child, ended };
}

async function sent(server: TestServer, to: string, ...args: string[]): Promise<string> {
  const { code, stderr } = await run(server, ['send', ...args], { to }).ended;
  assert.equal(code, 0, stderr);
  return to;
}

async function received(server: TestServer, from: string, ...args: string[]): Promise<Received> {
  const { code, stdout, stderr } = await run(server, ['receive', '--json', ...args], { from }).ended;
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Received;
}

const transferIn = (stderr: string): string => /^transfer (t-\w+)$/m.exec(stderr)?.[1] ?? '';

/** What is left of spools. */
const spools = (server: TestServer): string[] => {
  const directory = path.join(server.dataDirectory, 'transfers');
  return existsSync(directory) ? readdirSync(directory) : [];
};

test('a disk and what changed in it get to another installation under a passphrase, there under SM4, and back', async () => {
  using files = folder();
  await using here = await readyServer();
  await using there = await readyServer();
  const passphrase = ['--passphrase-file', files.in('passphrase')];
  const marker = randomBytes(32);
  const diskId = await here.api.createDisk({ Encrypted: 'true' });
  await onDisk(here.api, diskId, async (client) => {
    await client.write(0, randomBytes(8 * MiB));
    await client.write(20 * MiB + 512, Buffer.concat(Array.from({ length: 4096 }, () => marker)));
    await client.zero(30 * MiB, 4 * MiB, { noHole: true });
  });
  const first = await here.api.createSnapshot(diskId);
  const full = await sent(here.server, files.in('full'), first, ...passphrase);
  assert.equal(readFileSync(full).indexOf(marker), -1, 'the content does not show');

  const copy = await received(there.server, full, ...passphrase, '--key', await there.api.createKey('Aliyun_SM4'));
  assert.deepEqual(await contentOf(there.api, copy.DiskId), await contentOf(here.api, diskId));

  await onDisk(here.api, diskId, async (client) => {
    await client.trim(MiB, 2 * MiB);
    await client.write(4 * MiB + 100, randomBytes(70_000));
    await client.write(36 * MiB, randomBytes(MiB));
  });
  const second = await here.api.createSnapshot(diskId);
  const rest = await sent(here.server, files.in('rest'), second, '--from', first, ...passphrase);
  assert.ok(statSync(rest).size < 2 * MiB, 'what did not change is not sent');
  const brought = await received(there.server, rest, ...passphrase);
  assert.equal(brought.DiskId, copy.DiskId);
  assert.deepEqual(await contentOf(there.api, copy.DiskId), await contentOf(here.api, diskId));

  const again = await run(there.server, ['receive', ...passphrase], { from: rest }).ended;
  assert.match(again.stderr, /NOT_AT_BASE/, 'the disk is not at the base any more');
  assert.equal(again.code, 5);
  writeFileSync(files.in('other'), 'another long passphrase');
  const wrong = await run(there.server, ['receive', '--passphrase-file', files.in('other')], { from: full }).ended;
  assert.match(wrong.stderr, /InvalidStream\.WrongKey/);
  assert.equal(wrong.code, 4);
  const damaged = Buffer.from(readFileSync(full));
  damaged.writeUInt8(damaged.readUInt8(5 * MiB) ^ 1, 5 * MiB);
  writeFileSync(files.in('damaged'), damaged);
  const refused = await run(there.server, ['receive', ...passphrase], { from: files.in('damaged') }).ended;
  assert.match(refused.stderr, /STREAM_DAMAGED/);
  const { Disks } = await there.api.call<{ Disks: { Disk: object[] } }>('ecs', 'DescribeDisks');
  assert.equal(Disks.Disk.length, 1, 'nothing else was published');

  const back = await sent(there.server, files.in('back'), brought.SnapshotId, ...passphrase);
  const home = await received(here.server, back, ...passphrase, '--name', 'home');
  assert.deepEqual(await contentOf(here.api, home.DiskId), await contentOf(here.api, diskId));
});

test('a transfer goes on after its programs were killed: both commands, the disk server, the control plane', async () => {
  using files = folder();
  await using here = await readyServer();
  const diskId = await here.api.createDisk({ Encrypted: 'true' });
  const content = randomBytes(SIZE);
  await onDisk(here.api, diskId, (client) => client.write(0, content));
  const snapshotId = await here.api.createSnapshot(diskId);
  const whole = SIZE * 1.01;

  // The sender is killed with part of the stream written, and goes on behind what is in the file.
  const to = files.in('stream');
  const first = run(here.server, ['send', snapshotId], { to });
  await until('part of the stream', () => existsSync(to) && statSync(to).size > 2 * MiB);
  first.child.kill('SIGKILL');
  const { stderr } = await first.ended;
  const offset = statSync(to).size;
  const transferId = transferIn(stderr);
  const next = run(here.server, ['send', snapshotId, '--resume', transferId, '--offset', String(offset)], {
    to,
    append: true,
  });
  // The disk server dies while it goes on: the command waits for the next one.
  for (const pid of await here.server.diskServerPids()) process.kill(pid, 'SIGKILL');
  const sending = await next.ended;
  assert.equal(sending.code, 0, sending.stderr);
  assert.ok(statSync(to).size > SIZE && statSync(to).size < whole, 'the whole stream, once');

  // The receiver is killed, told where it stands, and goes on from there.
  const receiving = run(here.server, ['receive', '--json'], { from: to });
  await until('a spool', () => spools(here.server).length > 0);
  receiving.child.kill('SIGKILL');
  const id = transferIn((await receiving.ended).stderr) || spools(here.server)[0] || '';
  for (const pid of await here.server.diskServerPids()) process.kill(pid, 'SIGKILL');
  const asked = await succeeded(async () => run(here.server, ['receive', '--resume', id, '--json'], {}).ended);
  const { DurableBytes } = JSON.parse(asked.stdout) as { DurableBytes: number };
  assert.ok(DurableBytes >= 4096 && DurableBytes <= statSync(to).size);
  const rest = run(here.server, ['receive', '--json', '--resume', id, '--offset', String(DurableBytes)], {
    from: to,
    start: DurableBytes,
  });
  // The control plane dies when the command is past its beginning, where a server that does not run is an error.
  if (DurableBytes < statSync(to).size) {
    await until('more of the stream', () => durableOf(here.server, id) > DurableBytes);
    await here.server.kill('SIGKILL');
    await here.server.start();
  }
  const done = await rest.ended;
  assert.equal(done.code, 0, done.stderr);
  const { DiskId } = JSON.parse(done.stdout) as Received;
  assert.ok(Buffer.from(await contentOf(here.api, DiskId)).equals(content));
  assert.deepEqual(spools(here.server), [], 'nothing is left in the spool');
});

test('a snapshot that is deleted while it is sent ends the stream with an error', async () => {
  using files = folder();
  await using here = await readyServer();
  const diskId = await here.api.createDisk({ Encrypted: 'true' });
  await onDisk(here.api, diskId, (client) => client.write(0, randomBytes(SIZE)));
  const snapshotId = await here.api.createSnapshot(diskId);
  const to = files.in('stream');
  // Nobody reads on after the first bytes, so that most of the stream is still to come.
  const sending = run(here.server, ['send', snapshotId], { held: true });
  const { stdout } = sending.child;
  assert.ok(stdout);
  await new Promise((resolve) => stdout.once('readable', resolve));
  await here.api.call('ecs', 'DeleteSnapshot', { SnapshotId: snapshotId });
  stdout.pipe(createWriteStream(to));
  const { code, stderr } = await sending.ended;
  assert.equal(code, 3, stderr);
  assert.match(stderr, /InvalidSnapshotId\.NotFound/);
  const partial = await run(here.server, ['receive'], { from: to }).ended;
  assert.match(partial.stderr, /STREAM_ENDED/);
  assert.notEqual(partial.code, 0);
});

/** How much of a spool is durable; all of it when it is gone. */
function durableOf(server: TestServer, transferId: string): number {
  try {
    return Number(readFileSync(path.join(server.dataDirectory, 'transfers', transferId, 'durable'), 'utf8'));
  } catch {
    return Number.MAX_SAFE_INTEGER;
  }
}

/** Repeats a command until it succeeds: a server that was killed is back within seconds. */
async function succeeded<T extends { readonly code: number }>(attempt: () => Promise<T>): Promise<T> {
  let last: T | undefined;
  await until('the command to succeed', async () => {
    last = await attempt();
    return last.code === 0;
  });
  assert.ok(last !== undefined);
  return last;
}
