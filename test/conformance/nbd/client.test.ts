// Our client against other people's servers: it must speak the protocol, not just what our own server speaks.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { SystemError } from '../../../src/base/errors.ts';
import { NbdClient } from '../../../src/nbd/client.ts';
import type { NbdAddress } from '../../../src/nbd/client-address.ts';
import { TestAuthority } from '../../support/certificates.ts';
import { must, run, skipWithout } from './tools.ts';

const MiB = 2 ** 20;
const SECRET = Buffer.alloc(32, 3);

/** Runs a server in the foreground until disposed of. */
async function serve(prepare: (folder: string) => { tool: string; args: string[]; ready: () => Promise<boolean> }) {
  const folder = mkdtempSync(path.join(tmpdir(), 'sealdisk-peer-'));
  const { tool, args, ready } = prepare(folder);
  const child = spawn(tool, args, { stdio: 'ignore' });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  while (!(await ready()) && child.exitCode === null) await new Promise((resolve) => setImmediate(resolve));
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill('SIGKILL');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function answers(address: NbdAddress): Promise<boolean> {
  return NbdClient.list(address).then(
    () => true,
    () => false,
  );
}

async function exercise(address: NbdAddress, exportName: string): Promise<void> {
  for (const headers of ['extended', 'structured', 'simple'] as const) {
    await using client = await NbdClient.connect(address, exportName, { headers });
    assert.equal(client.sizeBytes, 16 * MiB);
    const data = randomBytes(3 * MiB + 5);
    await client.write(1000, data, { fua: true });
    await client.zero(2000, 10_000);
    data.fill(0, 1000, 11_000);
    await client.flush();
    const [whole, part] = await Promise.all([client.read(1000, data.length), client.read(2 * MiB, 100)]);
    assert.ok(data.equals(whole));
    assert.ok(data.subarray(2 * MiB - 1000, 2 * MiB - 900).equals(part));
    await assert.rejects(client.read(16 * MiB, 1), (error: SystemError) => error.code === 'NBD_EINVAL');
    if (headers === 'simple') continue;
    const extents = await client.blockStatus(8 * MiB, 8 * MiB);
    assert.ok(extents.every(({ zero }) => zero));
  }
}

test('our client and nbdkit on a Unix socket', { skip: skipWithout('nbdkit') }, async () => {
  let unixSocket = '';
  await using _server = await serve((folder) => {
    unixSocket = path.join(folder, 'socket');
    const args = ['-f', '-U', unixSocket, 'memory', '16M'];
    return { tool: 'nbdkit', args, ready: () => answers({ unixSocket }) };
  });
  await exercise({ unixSocket }, '');
});

test('our client and nbdkit over TLS-PSK', { skip: skipWithout('nbdkit', 'nbdinfo') }, async () => {
  const port = await freePort();
  await using _server = await serve((folder) => {
    const pskFile = path.join(folder, 'keys.psk');
    writeFileSync(pskFile, `me:${SECRET.toString('hex')}\n`, { mode: 0o600 });
    const tls = ['--tls=require', `--tls-psk=${pskFile}`];
    const args = ['-f', '-i', '127.0.0.1', '-p', String(port), ...tls, 'memory', '16M'];
    const uri = `nbds://me@127.0.0.1:${port}/?tls-psk-file=${pskFile}`;
    return { tool: 'nbdkit', args, ready: async () => (await run('nbdinfo', ['--size', uri])).code === 0 };
  });
  const address = { host: '127.0.0.1', port, pskIdentity: 'me' };
  await exercise({ ...address, psk: SECRET }, '');
  const wrong = NbdClient.connect({ ...address, psk: Buffer.alloc(32) }, '');
  await assert.rejects(wrong, (error) => error instanceof SystemError && error.code === 'TLS_FAILED');
});

test('our client and qemu-nbd on a Unix socket', { skip: skipWithout('qemu-nbd') }, async () => {
  let unixSocket = '';
  await using _server = await serve((folder) => {
    unixSocket = path.join(folder, 'socket');
    const image = path.join(folder, 'image');
    writeFileSync(image, '');
    truncateSync(image, 16 * MiB);
    const args = ['-k', unixSocket, '-f', 'raw', '-x', 'disk', '-t', '--discard=unmap', image];
    return { tool: 'qemu-nbd', args, ready: () => answers({ unixSocket }) };
  });
  await exercise({ unixSocket }, 'disk');
  assert.deepEqual(await NbdClient.list({ unixSocket }), ['disk']);
});

for (const [knows, flags, headers] of [
  ['no structured replies', ['--no-sr'], 'simple'],
  ['only the oldest way to open', ['--mask-handshake=0'], 'simple'],
] as const) {
  test(`our client and an nbdkit that knows ${knows}`, { skip: skipWithout('nbdkit') }, async () => {
    let unixSocket = '';
    await using _server = await serve((folder) => {
      unixSocket = path.join(folder, 'socket');
      const ready = (): Promise<boolean> => Promise.resolve(existsSync(unixSocket));
      return { tool: 'nbdkit', args: ['-f', '-U', unixSocket, ...flags, 'memory', '16M'], ready };
    });
    await using client = await NbdClient.connect({ unixSocket }, '');
    assert.deepEqual([client.headers, client.sizeBytes], [headers, 16 * MiB]);
    const data = randomBytes(100_000);
    await client.write(5, data);
    assert.ok(data.equals(await client.read(5, data.length)));
  });
}

test('our client and nbdkit with certificates on both sides', { skip: skipWithout('nbdkit') }, async () => {
  using authority = new TestAuthority();
  const port = await freePort();
  const issued = authority.issue('client', 'DNS:client');
  const certificates = { authorities: authority.pem, certificate: issued.certificate, privateKey: issued.privateKey };
  const address = { host: '127.0.0.1', port, certificates };
  await using _server = await serve((folder) => {
    const server = authority.issueServer();
    copyFileSync(authority.file, path.join(folder, 'ca-cert.pem'));
    copyFileSync(server.certificateFile, path.join(folder, 'server-cert.pem'));
    copyFileSync(server.privateKeyFile, path.join(folder, 'server-key.pem'));
    const tls = ['--tls=require', `--tls-certificates=${folder}`, '--tls-verify-peer'];
    const args = ['-f', '-i', '127.0.0.1', '-p', String(port), ...tls, 'memory', '16M'];
    return { tool: 'nbdkit', args, ready: () => answers(address) };
  });
  await exercise(address, '');
  await assert.rejects(NbdClient.connect({ host: '127.0.0.1', port }, ''), /TLS/i, 'it insists on TLS');
});

test('our client reads a dirty bitmap of qemu-nbd', { skip: skipWithout('qemu-nbd', 'qemu-img') }, async () => {
  let unixSocket = '';
  const folderOfImage = mkdtempSync(path.join(tmpdir(), 'sealdisk-qcow2-'));
  const image = path.join(folderOfImage, 'disk.qcow2');
  try {
    await must('qemu-img', ['create', '-f', 'qcow2', image, '16M']);
    await must('qemu-img', ['bitmap', '--add', '-g', '65536', image, 'since']);
    await must('qemu-io', ['-c', 'write 1M 128k', '-c', 'write 4M 64k', image]);
    await using _server = await serve((folder) => {
      unixSocket = path.join(folder, 'socket');
      const args = ['-k', unixSocket, '-f', 'qcow2', '-r', '-t', '-B', 'since', image];
      return { tool: 'qemu-nbd', args, ready: () => answers({ unixSocket }) };
    });
    const bitmap = 'qemu:dirty-bitmap:since';
    assert.deepEqual(await NbdClient.listContexts({ unixSocket }, '', ['qemu:']), [bitmap]);
    await using client = await NbdClient.connect({ unixSocket }, '', { contexts: ['base:allocation', bitmap] });
    const dirty: string[] = [];
    for await (const { offset, lengthBytes, flags } of client.extents(bitmap)) {
      if ((flags & 1) !== 0) dirty.push(`${offset}+${lengthBytes}`);
    }
    assert.deepEqual(dirty, [`${MiB}+131072`, `${4 * MiB}+65536`]);
    assert.ok(client.readOnly);
    assert.ok((await client.readUnlessHole(8 * MiB, MiB)) === undefined, 'QEMU tells holes');
  } finally {
    rmSync(folderOfImage, { recursive: true, force: true });
  }
});
