import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { isKind, SystemError } from '../../src/base/errors.ts';
import type { FileSystem, OpenFile } from '../../src/block/files/file-system.ts';
import { localFiles } from '../../src/block/files/local-files.ts';
import { removeSpool, Spool } from '../../src/diskserver/spool.ts';

const HEADER: Uint8Array = new Uint8Array(4096).fill(1);
const SIZE = 20_000;

/** A place for one spool, and files that fail when they are told to. */
function place() {
  const parent = mkdtempSync(path.join(tmpdir(), 'sealdisk-spool-'));
  const directory = path.join(parent, 't-1');
  const fails = { write: '', sync: '' };
  const wrapped = (file: OpenFile): OpenFile => ({
    read: (buffer, position) => file.read(buffer, position),
    write: (data, position) => (fails.write === '' ? file.write(data, position) : failed(fails.write)),
    sync: () => (fails.sync === '' ? file.sync() : failed(fails.sync)),
    sizeBytes: () => file.sizeBytes(),
    close: () => file.close(),
  });
  const files: FileSystem = {
    ...localFiles,
    open: async (name, mode) => wrapped(await localFiles.open(name, mode)),
    create: async (name) => wrapped(await localFiles.create(name)),
  };
  return {
    directory,
    fails,
    files,
    open: (header = HEADER) => Spool.open(files, directory, header, SIZE),
    [Symbol.dispose]: () => rmSync(parent, { recursive: true, force: true }),
  };
}

const failed = (code: string): Promise<never> => Promise.reject(Object.assign(new Error(code), { code }));
const piece = (length: number, value = 7): Uint8Array => new Uint8Array(length).fill(value);

test('a spool begins with its header, takes bytes in order, and goes on behind what was durable', async () => {
  using at = place();
  const spool = await at.open();
  assert.equal(spool.durableBytes, 4096);
  await spool.write(4096, piece(1000));
  await spool.sync();
  await spool.write(5096, piece(1000, 8));
  assert.equal(spool.durableBytes, 5096);
  await spool.close();
  const again = await at.open();
  assert.equal(again.durableBytes, 5096, 'what was not synced may be gone, and comes again');
  await assert.rejects(again.write(5097, piece(1)), hasCode('STREAM_GAP'));
  await again.write(5000, piece(SIZE - 5000, 9));
  await again.sync();
  assert.ok(again.isComplete);
  assert.deepEqual(await again.read(4096, 905), Uint8Array.from([...piece(904), 9]));
  await again.close();
});

test('another stream is not mixed in', async () => {
  using at = place();
  await (await at.open()).close();
  await assert.rejects(at.open(piece(4096, 2)), hasCode('OTHER_STREAM'));
});

test('a full store refuses bytes, and takes the same ones when there is space again', async () => {
  using at = place();
  const spool = await at.open();
  await spool.write(4096, piece(1000));
  at.fails.write = 'ENOSPC';
  await assert.rejects(spool.write(5096, piece(1000)), (error) => isKind(error, 'no-space'));
  await assert.rejects(spool.write(6096, piece(1000)), hasCode('STREAM_GAP'));
  at.fails.write = '';
  await spool.write(5096, piece(1000));
  await spool.sync();
  assert.equal(spool.durableBytes, 6096);
  await spool.close();
});

test('after a failed sync everything since the last success has to come again', async () => {
  using at = place();
  const spool = await at.open();
  await spool.write(4096, piece(1000));
  await spool.sync();
  await spool.write(5096, piece(1000));
  at.fails.sync = 'EIO';
  await assert.rejects(spool.sync(), (error) => isKind(error, 'unavailable'));
  at.fails.sync = '';
  await assert.rejects(spool.write(6096, piece(1000)), hasCode('STREAM_GAP'));
  await spool.sync();
  assert.equal(spool.durableBytes, 5096, 'a sync that comes later covers nothing of it');
  await spool.write(5096, piece(1000));
  await spool.sync();
  assert.equal(spool.durableBytes, 6096);
  await spool.close();
});

test('a spool that could not be made leaves nothing that the next attempt trips over', async () => {
  using at = place();
  at.fails.write = 'ENOSPC';
  await assert.rejects(at.open(), (error) => isKind(error, 'no-space'));
  at.fails.write = '';
  const spool = await at.open();
  assert.equal(spool.durableBytes, 4096);
  await spool.close();
});

test('that a disk is being changed outlives the process, and goes with the spool', async () => {
  using at = place();
  const spool = await at.open();
  assert.equal(await spool.isBeingApplied(), false);
  await spool.markApplying('d-one');
  await spool.close();
  const again = await at.open();
  assert.equal(await again.isBeingApplied(), true);
  await again.close();
  assert.deepEqual(readdirSync(at.directory).toSorted(), ['applying', 'durable', 'stream']);
  assert.equal(readFileSync(path.join(at.directory, 'durable'), 'utf8'), '4096');
  await removeSpool(at.files, at.directory);
  await removeSpool(at.files, at.directory);
  assert.equal(await at.files.stat(at.directory), undefined);
});

function hasCode(code: string) {
  return (error: unknown): boolean => error instanceof SystemError && error.code === code;
}
