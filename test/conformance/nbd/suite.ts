// What other people's NBD tools must be able to do with a server of ours, whatever stands behind the export.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';

import { must, PYTHON, run, skipWithout } from './tools.ts';

const MiB = 2 ** 20;

/** A writable export, given over to the suite: its content does not matter and is destroyed. */
export interface NbdTarget {
  readonly unixSocket: string;
  readonly exportName: string;
  readonly tcp: { readonly host: string; readonly port: number };
  readonly pskIdentity: string;
  /** `identity:hex`, named `keys.psk`, alone in its directory. */
  readonly pskFile: string;
  /** At least 32 MiB, a multiple of 4096. */
  readonly sizeBytes: number;
}

interface Route {
  readonly uri: string;
  /** Arguments for qemu-img and qemu-io that come before, and the image after them. */
  readonly qemu: { readonly options: readonly string[]; readonly image: string };
}

/** @param open starts what is to be tested; it is disposed of after the suite. */
export function nbdConformance(name: string, open: () => Promise<NbdTarget & AsyncDisposable>): void {
  suite(name, () => {
    let target: NbdTarget & AsyncDisposable;
    let folder: string;
    before(async () => {
      target = await open();
      folder = mkdtempSync(path.join(tmpdir(), 'sealdisk-tools-'));
    });
    after(async () => {
      rmSync(folder, { recursive: true, force: true });
      await target[Symbol.asyncDispose]();
    });
    const routes: readonly (readonly [string, () => Route])[] = [
      ['Unix socket', () => unixRoute(target)],
      ['TLS', () => tlsRoute(target, target.pskFile)],
    ];
    for (const [via, route] of routes) {
      nbdinfoTests(via, () => ({ ...route(), target }));
      nbdcopyTests(via, () => ({ ...route(), folder }));
      qemuTests(via, () => ({ ...route(), folder }));
      errorTests(via, () => ({ ...route(), target }));
    }
    fioTests(() => unixRoute(target));
    benchTests(() => unixRoute(target));
    secretTests(() => ({ target, folder }));
  });
}

function unixRoute({ unixSocket, exportName }: NbdTarget): Route {
  return {
    uri: `nbd+unix:///${exportName}?socket=${unixSocket}`,
    qemu: { options: ['--image-opts'], image: `driver=nbd,path=${unixSocket},export=${exportName}` },
  };
}

function tlsRoute({ tcp, exportName, pskIdentity }: NbdTarget, pskFile: string): Route {
  const credentials = `tls-creds-psk,id=t,endpoint=client,dir=${path.dirname(pskFile)},username=${pskIdentity}`;
  return {
    uri: `nbds://${pskIdentity}@${tcp.host}:${tcp.port}/${exportName}?tls-psk-file=${pskFile}`,
    qemu: {
      options: ['--object', credentials, '--image-opts'],
      image: `driver=nbd,host=${tcp.host},port=${tcp.port},export=${exportName},tls-creds=t`,
    },
  };
}

interface InfoExport {
  readonly 'export-name': string;
  readonly 'export-size': number;
  readonly contexts: readonly string[];
  readonly [flag: string]: unknown;
}

function nbdinfoTests(via: string, given: () => Route & { readonly target: NbdTarget }): void {
  const skip = skipWithout('nbdinfo');

  test(`${via}: nbdinfo sees name, size, every feature and the block sizes`, { skip }, async () => {
    const { uri, target } = given();
    const json = JSON.parse(await must('nbdinfo', ['--json', uri])) as Record<string, unknown>;
    assert.equal(json['protocol'], 'newstyle-fixed');
    assert.equal(json['TLS'], via === 'TLS');
    assert.equal(json['structured'], true);
    const [found, ...others] = json['exports'] as InfoExport[];
    assert.ok(found && others.length === 0);
    assert.equal(found['export-name'], target.exportName);
    assert.equal(found['export-size'], target.sizeBytes);
    assert.deepEqual(found.contexts, ['base:allocation']);
    assert.equal(found['is_read_only'], false);
    for (const feature of ['cache', 'df', 'fast_zero', 'flush', 'fua', 'multi_conn', 'trim', 'zero']) {
      assert.equal(found[`can_${feature}`], true, feature);
    }
    assert.deepEqual(
      [found['block_size_minimum'], found['block_size_preferred'], found['block_size_maximum']],
      [1, 4096, 32 * MiB],
    );
  });

  test(`${via}: nbdinfo --list names this export and no other, also without a name`, { skip }, async () => {
    const { uri, target } = given();
    const unnamed = uri.replace(`/${target.exportName}?`, '/?');
    const json = JSON.parse(await must('nbdinfo', ['--list', '--json', unnamed])) as { exports: InfoExport[] };
    assert.deepEqual(
      json.exports.map((found) => found['export-name']),
      [target.exportName],
    );
    assert.equal((await must('nbdinfo', ['--size', unnamed])).trim(), String(target.sizeBytes));
  });

  test(`${via}: nbdinfo --can and --is agree`, { skip }, async () => {
    const { uri } = given();
    for (const feature of ['connect', 'cache', 'df', 'fast-zero', 'flush', 'fua', 'multi-conn', 'trim', 'zero']) {
      assert.equal((await run('nbdinfo', ['--can', feature, uri])).code, 0, feature);
    }
    assert.equal((await run('nbdinfo', ['--is', 'read-only', uri])).code, 2);
    assert.equal((await run('nbdinfo', ['--is', 'tls', uri])).code, via === 'TLS' ? 0 : 2);
  });

  test(
    `${via}: nbdinfo --map shows what was written and what was trimmed`,
    { skip: skip || skipWithout('qemu-io') },
    async () => {
      const { uri, qemu, target } = given();
      await qemuIo(
        qemu,
        'discard 0 32M',
        'write -z -u 0 32M',
        'write -P 7 1M 64k',
        'write -P 8 2M 128k',
        'discard 2M 64k',
      );
      const map = JSON.parse(await must('nbdinfo', ['--map', '--json', uri])) as {
        offset: number;
        length: number;
        type: number;
      }[];
      const upTo = map.filter(({ offset }) => offset < 32 * MiB);
      assert.deepEqual(
        upTo.map(({ offset, type }) => [offset, type]),
        [
          [0, 3],
          [MiB, 0],
          [MiB + 65536, 3],
          [2 * MiB + 65536, 0],
          [2 * MiB + 131072, 3],
        ],
      );
      assert.equal(
        map.reduce((sum, { length }) => sum + length, 0),
        target.sizeBytes,
      );
    },
  );
}

function nbdcopyTests(via: string, given: () => Route & { readonly folder: string }): void {
  const skip = skipWithout('nbdcopy');

  for (const settings of [[], ['--synchronous'], ['--connections=4', '--requests=64', '--request-size=1048576']]) {
    test(`${via}: nbdcopy ${settings.join(' ')} brings a file in and out again, equal`, { skip }, async () => {
      const { uri, folder } = given();
      const [source, copy] = [path.join(folder, 'source'), path.join(folder, 'copy')];
      const image = sparseImage(24 * MiB);
      writeFileSync(source, image);
      await must('nbdcopy', [...settings, '--flush', source, uri]);
      await must('nbdcopy', [...settings, uri, copy]);
      assert.ok(image.equals(readFileSync(copy).subarray(0, image.length)), 'the copy differs');
    });
  }
}

function qemuTests(via: string, given: () => Route & { readonly folder: string }): void {
  const skip = skipWithout('qemu-img', 'qemu-io');

  test(`${via}: qemu-img info, convert, compare and map`, { skip }, async () => {
    const { qemu, folder } = given();
    const info = JSON.parse(await must('qemu-img', ['info', '--output=json', ...qemu.options, qemu.image])) as Record<
      string,
      unknown
    >;
    const sizeBytes = info['virtual-size'];
    assert.ok(typeof sizeBytes === 'number');
    const source = path.join(folder, 'source.raw');
    const image = sparseImage(24 * MiB);
    writeFileSync(source, image);
    truncateSync(source, sizeBytes);
    await must('qemu-img', ['convert', '-n', '--target-image-opts', ...withoutImageOpts(qemu), source, qemu.image]);
    const sourceOptions = `driver=raw,file.driver=file,file.filename=${source}`;
    await must('qemu-img', ['compare', ...qemu.options, sourceOptions, qemu.image]);
    const copy = path.join(folder, 'copy.qcow2');
    await must('qemu-img', ['convert', '-O', 'qcow2', ...qemu.options, qemu.image, copy]);
    await must('qemu-img', ['compare', source, copy]);
    const map = JSON.parse(await must('qemu-img', ['map', '--output=json', ...qemu.options, qemu.image])) as {
      length: number;
      data: boolean;
      zero: boolean;
    }[];
    assert.equal(
      map.reduce((sum, { length }) => sum + length, 0),
      sizeBytes,
    );
    assert.ok(map.some(({ data }) => data) && map.some(({ zero }) => zero));
  });

  test(`${via}: qemu-io at odd offsets and lengths`, { skip }, async () => {
    const { qemu } = given();
    await qemuIo(
      qemu,
      'write -P 1 0 64k',
      'write -P 2 513 1',
      'write -P 3 4095 2',
      'write -P 4 10001 12345',
      'read -P 1 0 513',
      'read -P 2 513 1',
      'read -P 1 514 3581',
      'read -P 3 4095 2',
      'read -P 1 4097 5904',
      'read -P 4 10001 12345',
      'read -P 1 22346 43190',
    );
  });

  test(`${via}: qemu-io zeroes, discards and writes through`, { skip }, async () => {
    const { qemu } = given();
    await qemuIo(
      qemu,
      'write -P 5 0 1M',
      'write -z 1000 5000',
      'read -P 5 0 1000',
      'read -P 0 1000 5000',
      'read -P 5 6000 4000',
      'write -z -u 64k 64k',
      'read -P 0 64k 64k',
      'write -f -P 6 128k 4k',
      'write -z -f 132k 4k',
      'discard 256k 256k',
      'read -P 0 256k 256k',
      'write -P 9 300k 1',
      'flush',
      'read -P 6 128k 4k',
      'read -P 0 132k 4k',
      'read -P 9 300k 1',
      'read -P 5 512k 512k',
    );
  });

  test(`${via}: qemu-io with many requests in flight`, { skip }, async () => {
    const { qemu } = given();
    const writes = Array.from({ length: 64 }, (_, i) => `aio_write -q -P ${i + 1} ${i * 100}k 100k`);
    const reads = Array.from({ length: 64 }, (_, i) => `aio_read -q -P ${i + 1} ${i * 100}k 100k`);
    await qemuIo(qemu, ...writes, 'aio_flush', ...reads, 'aio_flush');
  });
}

function benchTests(given: () => Route): void {
  test('qemu-img bench writes and reads with flushes between', { skip: skipWithout('qemu-img') }, async () => {
    const { qemu } = given();
    const common = ['bench', '-c', '2000', '-d', '32', '-s', '4096', ...qemu.options, qemu.image];
    const writing = ['-w', '--flush-interval=64', '--pattern=7'];
    assert.match(await must('qemu-img', [...common.slice(0, 1), ...writing, ...common.slice(1)]), /completed/);
    assert.match(await must('qemu-img', common), /completed/);
    await qemuIo(qemu, 'read -P 7 0 8000k');
  });
}

function errorTests(via: string, given: () => Route & { readonly target: NbdTarget }): void {
  test(`${via}: libnbd sends what must be refused`, { skip: skipWithout('python3-libnbd') }, async () => {
    const { uri, target } = given();
    const script = path.join(import.meta.dirname, 'errors.py');
    const output = await must(PYTHON, [script, uri, String(target.sizeBytes)]);
    assert.equal(output.match(/^refused:/gm)?.length, 30);
  });
}

function fioTests(given: () => Route): void {
  const skip = skipWithout('fio');
  const fio = (name: string, ...args: readonly string[]): Promise<string> => {
    const job = [`--name=${name}`, '--ioengine=nbd', `--uri=${given().uri}`, '--size=32M', '--verify_fatal=1'];
    return must('fio', [...job, '--randrepeat=0', '--verify_state_save=0', ...args]);
  };

  test('fio writes at random and reads every block back by its checksum', { skip }, async () => {
    await fio('randwrite', '--rw=randwrite', '--bs=4k', '--iodepth=32', '--verify=crc32c');
  });

  test('fio mixes sizes, reads and writes, and verifies', { skip }, async () => {
    const sizes = ['--bsrange=512-128k', '--blockalign=512', '--bs_unaligned'];
    await fio('mixed', '--rw=randrw', ...sizes, '--iodepth=16', '--verify=crc32c', '--fsync=16');
  });

  test(
    'fio verifies what it wrote before and beside trims, and what was trimmed is zeroes',
    { skip: skip || skipWithout('qemu-io') },
    async () => {
      const written = ['--bs=8k', '--iodepth=16', '--verify=crc32c'];
      await fio('verified', '--rw=write', '--do_verify=0', ...written);
      await fio('trimmed', '--rw=randtrim', '--bs=8k', '--iodepth=16', '--offset=16M', '--size=16M');
      await fio('verified', '--rw=write', '--verify_only', '--size=16M', ...written);
      await qemuIo(given().qemu, 'read -P 0 16M 16M');
    },
  );

  test('fio trims between writes', { skip }, async () => {
    await fio('trim', '--rw=randtrimwrite', '--bs=8k', '--iodepth=8', '--io_size=16M');
  });
}

/** TCP without TLS, with a wrong secret or another identity: nothing, not even name or size. */
function secretTests(given: () => { readonly target: NbdTarget; readonly folder: string }): void {
  test('nbdinfo without the secret learns neither name nor size', { skip: skipWithout('nbdinfo') }, async () => {
    const { target, folder } = given();
    const wrong = path.join(folder, 'wrong.psk');
    const secret = readFileSync(target.pskFile, 'utf8').trim().split(':')[1] ?? '';
    writeFileSync(wrong, `${target.pskIdentity}:${randomBytes(32).toString('hex')}\nnobody:${secret}\n`, {
      mode: 0o600,
    });
    const { host, port } = target.tcp;
    const plain = `nbd://${host}:${port}/`;
    const attempts = [
      await run('nbdinfo', ['--list', plain]),
      await run('nbdinfo', [plain + target.exportName]),
      await run('nbdinfo', ['--list', `nbds://${target.pskIdentity}@${host}:${port}/?tls-psk-file=${wrong}`]),
      await run('nbdinfo', ['--list', `nbds://nobody@${host}:${port}/?tls-psk-file=${wrong}`]),
    ];
    for (const { code, stdout } of attempts) {
      assert.notEqual(code, 0);
      assert.ok(!stdout.includes(target.exportName) && !stdout.includes(String(target.sizeBytes)), stdout);
    }
    // Alike: whether an identity exists cannot be told.
    assert.equal(attempts[2]?.stderr, attempts[3]?.stderr);
  });

  test('qemu-img without the secret learns nothing', { skip: skipWithout('qemu-img') }, async () => {
    const { target } = given();
    const { host, port } = target.tcp;
    const plain = await run('qemu-img', ['info', `nbd://${host}:${port}/${target.exportName}`]);
    const folder = mkdtempSync(path.join(tmpdir(), 'sealdisk-psk-'));
    const pskFile = path.join(folder, 'keys.psk');
    writeFileSync(pskFile, `${target.pskIdentity}:${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
    const { qemu } = tlsRoute(target, pskFile);
    const wrong = await run('qemu-img', ['info', ...qemu.options, qemu.image]);
    rmSync(folder, { recursive: true });
    for (const { code, stdout } of [plain, wrong]) {
      assert.notEqual(code, 0);
      assert.ok(!stdout.includes(String(target.sizeBytes)), stdout);
    }
  });
}

/** Runs commands in one qemu-io; `read -P` makes it fail when the pattern is another. */
async function qemuIo({ options, image }: Route['qemu'], ...commands: readonly string[]): Promise<void> {
  const args = [...options, '-d', 'unmap', ...commands.flatMap((command) => ['-c', command]), image];
  const { code, stdout, stderr } = await run('qemu-io', args);
  const output = stdout + stderr;
  // qemu-io may end with 0 although a command failed.
  assert.ok(code === 0 && !/failed|verification|error/i.test(output), output);
}

function withoutImageOpts({ options }: Route['qemu']): readonly string[] {
  return options.filter((option) => option !== '--image-opts');
}

/** Data, zeroes and runs of equal bytes, not aligned to anything. */
function sparseImage(sizeBytes: number): Buffer {
  const image = Buffer.alloc(sizeBytes);
  randomBytes(3 * MiB + 17).copy(image, 12_345);
  randomBytes(100).copy(image, 9 * MiB - 50);
  image.fill(0xab, 12 * MiB, 13 * MiB);
  randomBytes(MiB).copy(image, sizeBytes - MiB);
  return image;
}
