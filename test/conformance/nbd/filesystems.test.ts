// Real file systems on an encrypted disk: through nbdfuse the disk is a file, through a loop device it is mounted.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { Api } from '../../support/api.ts';
import type { ExportAnswer } from '../../support/api.ts';
import { TestServer, toolEnvironment, until } from '../../support/start-server.ts';
import { must, run, skipWithout } from './tools.ts';

process.env['PATH'] = toolEnvironment()['PATH'];

/** False, or why a disk cannot be mounted here. */
function skipWithoutMounts(): string | false {
  if (process.getuid?.() !== 0) return 'only root may mount';
  try {
    for (const device of ['/dev/fuse', '/dev/loop-control']) accessSync(device, constants.R_OK | constants.W_OK);
    return false;
  } catch (error) {
    return `no mounts here: ${String(error)}`;
  }
}

/** The export as the file `disk` in a folder of its own, until it is let go. */
class FuseDisk {
  readonly file: string;
  readonly #folder: string;
  readonly #program: ChildProcess;

  private constructor(folder: string, program: ChildProcess) {
    this.#folder = folder;
    this.#program = program;
    this.file = path.join(folder, 'disk');
  }

  static async open(folder: string, uri: string): Promise<FuseDisk> {
    mkdirSync(folder, { recursive: true });
    const program = spawn('nbdfuse', [path.join(folder, 'disk'), uri], { stdio: 'ignore' });
    const disk = new FuseDisk(folder, program);
    await until('the disk to be a file', () => existsSync(disk.file));
    return disk;
  }

  async close(): Promise<void> {
    const { exitCode } = this.#program;
    const gone = new Promise<void>((resolve) => this.#program.once('exit', () => resolve()));
    await run('umount', [this.#folder]);
    if (exitCode === null) await gone;
  }
}

const FILE_SYSTEMS = [
  {
    name: 'ext4',
    make: ['mke2fs', '-q', '-F', '-t', 'ext4', '-E', 'lazy_itable_init=0,discard'],
    check: ['e2fsck', '-f', '-n'],
    tools: ['mke2fs', 'e2fsck'],
  },
  { name: 'xfs', make: ['mkfs.xfs', '-q', '-f'], check: ['xfs_repair', '-n', '-f'], tools: ['mkfs.xfs'] },
] as const;

for (const { name, make, check, tools } of FILE_SYSTEMS)
  test(
    `${name} is made, mounted, written, trimmed and checked on an encrypted disk, and is whole after SIGKILL of the server`,
    { skip: skipWithoutMounts() || skipWithout('nbdfuse', ...tools) },
    async () => {
      await using server = await TestServer.start();
      const api = new Api(server);
      await api.openKms();
      await api.authorizeDiskEncryption();
      const diskId = await api.createDisk({ Encrypted: 'true', KMSKeyId: await api.createKey('Aliyun_AES_256') });
      const exported = await server.json<ExportAnswer>('export', diskId);
      const folder = mkdtempSync(path.join(tmpdir(), 'sealdisk-fs-'));
      const mounted = path.join(folder, 'mounted');
      mkdirSync(mounted);
      let disk: FuseDisk | undefined;
      try {
        disk = await FuseDisk.open(path.join(folder, 'fuse'), exported.UnixUri);
        const [mkfs, ...options] = make;
        await must(mkfs, [...options, disk.file]);
        await must('mount', ['-o', 'loop', disk.file, mounted]);
        const contents = new Map<string, Buffer>();
        for (let i = 0; i < 40; i++) {
          const content = randomBytes(1 + ((i * 37_777) % 900_000));
          writeFileSync(path.join(mounted, `file-${i}`), content);
          if (i % 4 === 0) rmSync(path.join(mounted, `file-${i}`));
          else contents.set(`file-${i}`, content);
        }
        // Not every kernel passes a discard through a loop device to FUSE; where it does, it must not hurt.
        await run('fstrim', [mounted]);
        await must('umount', [mounted]);
        const [fsck, ...quietly] = check;
        await must(fsck, [...quietly, disk.file]);
        await disk.close();

        const [pid = 0] = await server.diskServerPids();
        process.kill(pid, 'SIGKILL');
        await until('another disk server', async () => (await server.diskServerPids()).some((other) => other !== pid));
        await until(
          'the export to be back',
          async () => (await run('nbdinfo', ['--size', exported.UnixUri])).code === 0,
        );

        disk = await FuseDisk.open(path.join(folder, 'fuse'), exported.UnixUri);
        await must(fsck, [...quietly, disk.file]);
        await must('mount', ['-o', 'loop,ro', disk.file, mounted]);
        for (const [file, content] of contents)
          assert.ok(content.equals(readFileSync(path.join(mounted, file))), `${file} is as it was written`);
        assert.equal(contents.size, 30);
        await must('umount', [mounted]);
      } finally {
        await run('umount', ['-l', mounted]);
        await disk?.close();
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );
