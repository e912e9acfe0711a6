import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { SealedBytes } from '../../src/kms/sealed-bytes.ts';
import { decodeTombstone, encodeTombstone } from '../../src/kms/tombstone-file.ts';
import { Tombstones } from '../../src/kms/tombstones.ts';

const GONE = {
  keyId: '0e478b7a-4262-4802-b8cb-00d3fb40826b',
  accountId: '1000000000000001',
  regionId: 'cn-hangzhou',
  keyVersionIds: ['2ab1a983-7072-4bbc-a582-584b5bd8eec1', '86a9efd9-3d16-4894-bd4f-1fc43f3f2abf'],
  destroyedMs: 1_795_420_800_000,
};
const CONTENT = Buffer.concat([
  Buffer.of(1),
  Buffer.from(
    '{"keyId":"0e478b7a-4262-4802-b8cb-00d3fb40826b","accountId":"1000000000000001","regionId":"cn-hangzhou",' +
      '"keyVersionIds":["2ab1a983-7072-4bbc-a582-584b5bd8eec1","86a9efd9-3d16-4894-bd4f-1fc43f3f2abf"],"destroyedMs":1795420800000}',
  ),
]);

/** Seals under a key of thirty-two 1s, with salts of 2s. */
const sealer = new SealedBytes(
  nodeCipherBackend(),
  { bytes: (length) => new Uint8Array(length).fill(2) },
  new Uint8Array(32).fill(1),
);

test('a tombstone of version 1 is written and read as documented', async () => {
  assert.deepEqual(Buffer.from(encodeTombstone(GONE)), CONTENT);
  assert.deepEqual(decodeTombstone(CONTENT), GONE);
  const directory = await mkdtemp(path.join(tmpdir(), 'sealdisk-tombstones-'));
  try {
    const tombstones = await Tombstones.open(directory, sealer);
    await tombstones.write(GONE);
    const file = path.join(directory, 'destroyed-keys', GONE.keyId);
    const sealed = sealer.seal(`destroyed-key:${GONE.keyId}`, CONTENT);
    assert.equal((await readFile(file)).toString('hex'), Buffer.from(sealed).toString('hex'));
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal((await stat(path.dirname(file))).mode & 0o777, 0o700);
    await tombstones.write(GONE);
    assert.deepEqual(await tombstones.list(), { keys: [GONE], damaged: [] });
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('an authentic file that is no tombstone of a known version is refused', () => {
  const damaged = { kind: 'corrupt', code: 'TOMBSTONE_DAMAGED' };
  const json = (value: unknown): Buffer => Buffer.concat([Buffer.of(1), Buffer.from(JSON.stringify(value))]);
  const { destroyedMs: _none, ...undated } = GONE;
  const wrong = [
    Buffer.alloc(0),
    Buffer.of(1),
    Buffer.concat([Buffer.of(2), CONTENT.subarray(1)]),
    CONTENT.subarray(0, -1),
    json(null),
    json([]),
    json(undated),
    json({ ...GONE, keyId: 7 }),
    json({ ...GONE, keyVersionIds: 'all' }),
    json({ ...GONE, keyVersionIds: [null] }),
    json({ ...GONE, destroyedMs: 0.5 }),
  ];
  for (const content of wrong) assert.throws(() => decodeTombstone(content), damaged, content.toString());
});
