/** The servers that people use today, set up as their manuals say for speed: no handicap. */
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';

import { nbdTarget } from '../fio.ts';
import { must, Service } from '../run.ts';
import type { Subject, SubjectId } from './subject.ts';

const PASSPHRASE = 'a passphrase of a benchmark';
/** qemu-img measures the processor to choose the cost of the passphrase; under load it gives up and can be asked again. */
const FORMAT_ATTEMPTS = 6;

/** An empty LUKS1 image, the version that both peers read. */
async function createLuks(image: string, secretFile: string, sizeBytes: number): Promise<void> {
  writeFileSync(secretFile, PASSPHRASE, { mode: 0o600 });
  for (let attempt = 1; ; attempt++) {
    const settings = `key-secret=s,cipher-alg=aes-256,cipher-mode=xts,iter-time=${attempt * 100}`;
    const secret = ['--object', `secret,id=s,file=${secretFile}`];
    try {
      await must('qemu-img', ['create', '-q', ...secret, '-f', 'luks', '-o', settings, image, String(sizeBytes)]);
      return;
    } catch (error) {
      rmSync(image, { force: true });
      if (attempt === FORMAT_ATTEMPTS) throw error;
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
    target: nbdTarget(socketPath),
    pid: service.pid,
    files: () => [parts.image],
    async [Symbol.asyncDispose]() {
      await service.stop();
      rmSync(parts.image, { force: true });
    },
  };
}

function qemuNbd(folder: string, id: SubjectId): [string, ...string[]] {
  const settings = ['--persistent', '--shared=64', '--aio=threads', '--cache=writeback', '--discard=unmap'];
  return ['qemu-nbd', ...settings, '--socket', path.join(folder, `${id}.sock`)];
}

/** Q: `qemu-nbd` on a LUKS image. Threads and the write-back cache are its fast settings without O_DIRECT. */
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
    // fio would throw the file out of the page cache first.
    target: ['--ioengine=psync', `--filename=${image}`, '--invalidate=0'],
    pid: undefined,
    files: () => [image],
    [Symbol.asyncDispose]: () => Promise.resolve(rmSync(image, { force: true })),
  });
}
