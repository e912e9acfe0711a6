/** The servers that people use today, set up as their manuals say for speed: no handicap. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';

import { messageOf } from '../../src/base/errors.ts';
import { nbdTarget } from '../fio.ts';
import { must, Service } from '../run.ts';
import type { Subject, SubjectId } from './subject.ts';

const PASSPHRASE = 'a passphrase of a benchmark';
/**
 * qemu-img measures the processor to choose the cost of the passphrase. Where the kernel counts processor time in ticks it
 * often measures none and gives up at once, several times in a row; it can be asked again.
 */
const FORMAT_PATIENCE_MS = 30_000;
const FORMAT_MISFORTUNE = /accurate CPU usage/;

/** An empty LUKS1 image, the version that both peers read. */
async function createLuks(image: string, secretFile: string, sizeBytes: number): Promise<void> {
  writeFileSync(secretFile, PASSPHRASE, { mode: 0o600 });
  const settings = 'key-secret=s,cipher-alg=aes-256,cipher-mode=xts,iter-time=100';
  const secret = ['--object', `secret,id=s,file=${secretFile}`];
  for (const end = performance.now() + FORMAT_PATIENCE_MS; ;) {
    try {
      await must('qemu-img', ['create', '-q', ...secret, '-f', 'luks', '-o', settings, image, String(sizeBytes)]);
      return;
    } catch (error) {
      rmSync(image, { force: true });
      if (!FORMAT_MISFORTUNE.test(messageOf(error)) || performance.now() > end) throw error;
    }
  }
}

function createRaw(image: string, sizeBytes: number): void {
  writeFileSync(image, '');
  truncateSync(image, sizeBytes);
}

/** True when somebody accepts connections there. */
export function accepts(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

async function serve(
  id: SubjectId,
  folder: string,
  parts: { readonly command: readonly [string, ...string[]]; readonly image: string; readonly sizeBytes: number },
): Promise<Subject> {
  const socketPath = path.join(folder, `${id}.sock`);
  const service = await Service.start(parts.command, {
    logFile: path.join(folder, `${id}.log`),
    ready: () => accepts(socketPath),
  });
  return {
    id,
    sizeBytes: parts.sizeBytes,
    folder,
    target: nbdTarget(socketPath),
    pid: service.pid,
    files: () => [parts.image],
    async [Symbol.asyncDispose]() {
      await service.stop();
      rmSync(parts.image, { force: true });
    },
  };
}

/** Threads and the write-back cache are its fast settings without O_DIRECT. */
const QEMU_SETTINGS = ['--persistent', '--shared=64', '--aio=threads', '--cache=writeback', '--discard=unmap'];

function qemuNbd(folder: string, id: SubjectId): [string, ...string[]] {
  return ['qemu-nbd', ...QEMU_SETTINGS, '--socket', path.join(folder, `${id}.sock`)];
}

/** Q: `qemu-nbd` on a LUKS image. */
export async function qemuLuks(folder: string, sizeBytes: number): Promise<Subject> {
  const image = path.join(folder, 'Q.luks');
  const secretFile = path.join(folder, 'Q.secret');
  await createLuks(image, secretFile, sizeBytes);
  const options = `driver=luks,key-secret=s,file.driver=file,file.filename=${image}`;
  const secret = ['--object', `secret,id=s,file=${secretFile}`];
  return serve('Q', folder, {
    command: [...qemuNbd(folder, 'Q'), ...secret, '--image-opts', options],
    image,
    sizeBytes,
  });
}

/** Q over TLS with a pre-shared key, on a TCP port of loopback. `uri` is for libnbd's tools. */
export async function qemuLuksTls(
  folder: string,
  sizeBytes: number,
  port: number,
): Promise<Subject & { readonly uri: string }> {
  const image = path.join(folder, 'Q.luks');
  const secretFile = path.join(folder, 'Q.secret');
  const pskFolder = path.join(folder, 'psk');
  const pskFile = path.join(pskFolder, 'keys.psk');
  mkdirSync(pskFolder, { mode: 0o700 });
  writeFileSync(pskFile, `q:${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
  await createLuks(image, secretFile, sizeBytes);
  const uri = `nbds://q@127.0.0.1:${port}/?tls-psk-file=${pskFile}`;
  const secret = ['--object', `secret,id=s,file=${secretFile}`];
  const tls = ['--object', `tls-creds-psk,id=t,endpoint=server,dir=${pskFolder}`, '--tls-creds', 't'];
  const place = ['--bind', '127.0.0.1', '--port', String(port)];
  const options = `driver=luks,key-secret=s,file.driver=file,file.filename=${image}`;
  const service = await Service.start(
    ['qemu-nbd', ...QEMU_SETTINGS, ...place, ...secret, ...tls, '--image-opts', options],
    {
      logFile: path.join(folder, 'Q.log'),
      ready: () =>
        must('nbdinfo', ['--size', uri]).then(
          () => true,
          () => false,
        ),
    },
  );
  return {
    id: 'Q',
    sizeBytes,
    folder,
    target: [],
    pid: service.pid,
    uri,
    files: () => [image],
    async [Symbol.asyncDispose]() {
      await service.stop();
      rmSync(image, { force: true });
    },
  };
}

/** R: `qemu-nbd` on a raw image. */
export async function qemuRaw(folder: string, sizeBytes: number): Promise<Subject> {
  const image = path.join(folder, 'R.raw');
  createRaw(image, sizeBytes);
  return serve('R', folder, { command: [...qemuNbd(folder, 'R'), '--format', 'raw', image], image, sizeBytes });
}

/** K: `nbdkit file` behind its luks filter, with its 16 threads. */
export async function nbdkitLuks(folder: string, sizeBytes: number): Promise<Subject> {
  const image = path.join(folder, 'K.luks');
  const secretFile = path.join(folder, 'K.secret');
  await createLuks(image, secretFile, sizeBytes);
  const socketPath = path.join(folder, 'K.sock');
  const command: [string, ...string[]] = ['nbdkit', '--foreground', '--unix', socketPath, '--filter=luks'];
  return serve('K', folder, { command: [...command, 'file', image, `passphrase=+${secretFile}`], image, sizeBytes });
}

/** F: no server at all. */
export function rawFile(folder: string, sizeBytes: number): Promise<Subject> {
  const image = path.join(folder, 'F.raw');
  createRaw(image, sizeBytes);
  return Promise.resolve({
    id: 'F',
    sizeBytes,
    folder,
    // fio would throw the file out of the page cache first.
    target: ['--ioengine=psync', `--filename=${image}`, '--invalidate=0'],
    pid: undefined,
    files: () => [image],
    [Symbol.asyncDispose]: () => Promise.resolve(rmSync(image, { force: true })),
  });
}
