import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { ImageStore } from '../../../../src/services/ecs/images/image-store.ts';
import { ACCOUNT, OTHER_ACCOUNT, refusal } from '../test-cloud.ts';

function storeWithFiles(): { store: ImageStore; bucket: string } & Disposable {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'sealdisk-store-')));
  const directory = path.join(root, 'store');
  const bucket = path.join(directory, ACCOUNT, 'images');
  mkdirSync(path.join(bucket, 'folder'), { recursive: true });
  mkdirSync(path.join(directory, OTHER_ACCOUNT, 'theirs'), { recursive: true });
  for (const file of [
    path.join(bucket, 'a.raw'),
    path.join(bucket, 'folder/b.qcow2'),
    path.join(root, 'secret'),
    path.join(directory, OTHER_ACCOUNT, 'theirs/c.raw'),
  ])
    writeFileSync(file, 'x');
  symlinkSync('a.raw', path.join(bucket, 'link'));
  symlinkSync('../../../secret', path.join(bucket, 'leak'));
  symlinkSync(path.join(directory, OTHER_ACCOUNT, 'theirs'), path.join(directory, ACCOUNT, 'borrowed'));
  return { store: new ImageStore(directory), bucket, [Symbol.dispose]: () => rmSync(root, { recursive: true }) };
}

test('an object is a file below its bucket, and a link within the bucket is one', async () => {
  using made = storeWithFiles();
  const { store, bucket } = made;
  assert.equal(await store.find(ACCOUNT, 'images', 'a.raw'), path.join(bucket, 'a.raw'));
  assert.equal(await store.find(ACCOUNT, 'images', 'folder/b.qcow2'), path.join(bucket, 'folder/b.qcow2'));
  assert.equal(await store.find(ACCOUNT, 'images', 'link'), path.join(bucket, 'a.raw'));
});

test('nothing leads out of the bucket of the account', async () => {
  using made = storeWithFiles();
  const { store } = made;
  const malformed = [
    '../a.raw',
    '/etc/passwd',
    'folder/../a.raw',
    './a.raw',
    '.hidden',
    '-o',
    'a//b',
    '',
    'a\0b',
    'a\\b',
  ];
  for (const object of [...malformed, 'a/'.repeat(9) + 'b'])
    await refusal(store.find(ACCOUNT, 'images', object), 'InvalidOSSObject.Malformed', 400);
  for (const object of ['leak', 'folder', 'absent'])
    await refusal(store.find(ACCOUNT, 'images', object), 'InvalidOSSObject.NotFound', 400);
  for (const bucket of ['..', '.', 'a/b', 'absent', 'borrowed', 'theirs', `../${OTHER_ACCOUNT}/theirs`, ''])
    await refusal(store.find(ACCOUNT, bucket, 'c.raw'), 'InvalidOSSBucket.NotFound', 400);
  await refusal(new ImageStore('/nonexistent').bucket(ACCOUNT, 'images'), 'InvalidOSSBucket.NotFound', 400);
});
