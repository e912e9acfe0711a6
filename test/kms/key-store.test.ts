import assert from 'node:assert/strict';
import { copyFile, link, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { systemRandom } from '../../src/base/system-random.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { decodeKeyFile, encodeKeyFile } from '../../src/kms/key-file.ts';
import { KeyStore } from '../../src/kms/key-store.ts';
import { SealedBytes } from '../../src/kms/sealed-bytes.ts';

const VERSION = '86a9efd9-3d16-4894-bd4f-1fc43f3f2abf';
const HEADER = {
  keyVersionId: VERSION,
  keyId: '0e478b7a-4262-4802-b8cb-00d3fb40826b',
  accountId: '1000000000000001',
  regionId: 'cn-hangzhou',
  keySpec: 'Aliyun_AES_256',
  keyUsage: 'ENCRYPT/DECRYPT',
  createdMs: 1,
} as const;
const MATERIAL = new Uint8Array(32).fill(0x5c);

async function openStore() {
  const directory = await mkdtemp(path.join(tmpdir(), 'sealdisk-keys-'));
  const sealer = new SealedBytes(nodeCipherBackend(), systemRandom, new Uint8Array(32).fill(1));
  const store = await KeyStore.open(directory, sealer);
  const file = path.join(directory, 'keys', VERSION);
  return { store, file, directory, [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) };
}

test('a key version is read back as written, from a file that only its owner can read and that hides it', async () => {
  await using t = await openStore();
  await t.store.write(HEADER, MATERIAL);
  const { header, material } = await t.store.read(VERSION);
  assert.deepEqual(header, HEADER);
  assert.deepEqual(material.reveal(), MATERIAL);
  assert.equal((await stat(t.file)).mode & 0o777, 0o600);
  assert.equal((await stat(path.dirname(t.file))).mode & 0o777, 0o700);
  const content = await readFile(t.file);
  assert.ok(!content.includes(MATERIAL.subarray(0, 8)) && !content.includes(HEADER.accountId));
});

test('a changed key file, or one under the name of another version, is refused', async () => {
  await using t = await openStore();
  await t.store.write(HEADER, MATERIAL);
  const content = await readFile(t.file);
  const other = VERSION.replace('8', '9');
  await copyFile(t.file, path.join(path.dirname(t.file), other));
  await assert.rejects(t.store.read(other), { kind: 'corrupt', code: 'SEALED_BYTES_DAMAGED' });
  for (let index = 0; index < content.length; index += 7) {
    const changed = Buffer.from(content);
    changed[index] = (changed[index] ?? 0) ^ 4;
    await writeFile(t.file, changed);
    await assert.rejects(t.store.read(VERSION), { kind: 'corrupt', code: 'SEALED_BYTES_DAMAGED' });
  }
});

test('a missing key file is named', async () => {
  await using t = await openStore();
  await assert.rejects(t.store.read(VERSION), {
    kind: 'corrupt',
    code: 'KEY_FILE_MISSING',
    message: new RegExp(VERSION),
  });
});

test('a key file is never overwritten', async () => {
  await using t = await openStore();
  await t.store.write(HEADER, MATERIAL);
  await assert.rejects(t.store.write(HEADER, new Uint8Array(32)), { kind: 'conflict', code: 'FILE_EXISTS' });
  assert.deepEqual((await t.store.read(VERSION)).material.reveal(), MATERIAL);
  assert.deepEqual(await readdir(path.dirname(t.file)), [VERSION], 'no half-made file is left');
});

test('a destroyed key version leaves no file, and to destroy it again is harmless', async () => {
  await using t = await openStore();
  await t.store.write(HEADER, MATERIAL);
  await t.store.destroy(VERSION);
  await t.store.destroy(VERSION);
  await assert.rejects(t.store.read(VERSION), { code: 'KEY_FILE_MISSING' });
  assert.deepEqual(await readdir(path.dirname(t.file)), []);
});

test('a destroyed key version is overwritten, wherever else its file has a name, with what a crash left of writing it', async () => {
  await using t = await openStore();
  await t.store.write(HEADER, MATERIAL);
  const { size } = await stat(t.file);
  const otherNames = ['one', 'two'].map((name) => path.join(t.directory, name));
  await link(t.file, otherNames[0] ?? '');
  await writeFile(`${t.file}.new`, await readFile(t.file));
  await link(`${t.file}.new`, otherNames[1] ?? '');
  await t.store.destroy(VERSION);
  assert.deepEqual(await readdir(path.dirname(t.file)), []);
  for (const name of otherNames) assert.deepEqual(await readFile(name), Buffer.alloc(size));
});

test("the versions of a key are found by their files, and a file that does not open is nobody's", async () => {
  await using t = await openStore();
  await t.store.write(HEADER, MATERIAL);
  const other = VERSION.replace('8', '9');
  await t.store.write({ ...HEADER, keyVersionId: other, keyId: VERSION }, MATERIAL);
  await writeFile(t.file.replace('86a', '76a'), 'nonsense');
  assert.deepEqual(await t.store.versionsOf(HEADER.keyId), [VERSION]);
  assert.deepEqual(await t.store.versionsOf(VERSION), [other]);
  assert.deepEqual(await t.store.versionsOf('no-such-key'), []);
  assert.deepEqual([await t.store.has(VERSION), await t.store.has(HEADER.keyId)], [true, false]);
});

test('a key version that is destroyed while all are sealed anew does not come back', async () => {
  await using t = await openStore();
  const everything = Uint8Array.of(255);
  for (let delay = 0; delay < 30; delay++) {
    await t.store.write(HEADER, MATERIAL);
    const resealing = t.store.resealEarlier(everything);
    for (let turn = 0; turn < delay; turn++) await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([resealing, t.store.destroy(VERSION)]);
    assert.deepEqual(await readdir(path.dirname(t.file)), [], `after ${delay} turns`);
  }
});

test('what a crash left half-written under a temporary name is replaced', async () => {
  await using t = await openStore();
  await writeFile(`${t.file}.new`, 'half');
  await t.store.write(HEADER, MATERIAL);
  assert.deepEqual(await readdir(path.dirname(t.file)), [VERSION]);
});

test('a key file of version 1 is written and read as documented, and another version is refused', () => {
  const json = JSON.stringify(HEADER);
  const golden = Buffer.concat([Buffer.from([1, json.length, 0, 0, 0]), Buffer.from(json), MATERIAL]);
  assert.deepEqual(Buffer.from(encodeKeyFile(HEADER, MATERIAL)), golden);
  assert.deepEqual(decodeKeyFile(golden), { header: HEADER, material: MATERIAL });
  golden[0] = 2;
  assert.throws(() => decodeKeyFile(golden), { kind: 'corrupt', code: 'KEY_FILE_VERSION' });
});
