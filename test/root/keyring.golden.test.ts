// The bytes of docs/formats/root-key.md, keyring.md and key-backup.md, made in Python from those pages. Never regenerated.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Random } from '../../src/base/random.ts';
import { loadLibgcrypt } from '../../src/crypto/libgcrypt.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { SealedBytes } from '../../src/kms/sealed-bytes.ts';
import { RowSeal } from '../../src/metadata/sealed-rows.ts';
import { decodeKeyBackup, encodeKeyBackup } from '../../src/root/key-backup-content.ts';
import { decodeKeyring, encodeKeyring } from '../../src/root/keyring-content.ts';
import { Keyring } from '../../src/root/keyring.ts';
import { PassphraseProvider } from '../../src/root/passphrase-provider.ts';
import { Pkcs11Provider } from '../../src/root/pkcs11-provider.ts';
import { keyringKeyOf, rootKeyContext, rootKeyId } from '../../src/root/root-key.ts';
import { encodeSealedFile, parseSealedFile } from '../../src/root/sealed-file.ts';
import { givenSecret } from '../../src/root/secret-source.ts';
import { NO_SOFT_HSM, SoftHsm } from './soft-hsm.ts';

const ROOT = new Uint8Array(32).fill(1);
const ROOT_ID = 'bef0e030d239c9ecaf8e66ce76882a6e';
/** Salts of aa, and the first numbers as an initialisation vector. */
const random: Random = {
  bytes: (length) => (length === 12 ? Uint8Array.from({ length }, (_, n) => n) : new Uint8Array(length).fill(0xaa)),
};
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('the name of a root key and the key of its keyring', () => {
  assert.equal(rootKeyId(ROOT), ROOT_ID);
  assert.equal(hex(keyringKeyOf(ROOT)), 'e81993e45f5784cb1780d22f2067f1fa505181e5236b3b9524d07ed7f2b0513e');
});

test('what is sealed under a store key, and MACs of rows, with either cipher library', () => {
  const golden =
    '020000000501aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaafaf685f76095789d300add54a0e566664431ce4b42b0aade';
  for (const ciphers of [nodeCipherBackend(), loadLibgcrypt()]) {
    using keyring = new Keyring(ciphers, random);
    keyring.add({ number: 5, purpose: 'rows', createdMs: 0, key: new Uint8Array(32).fill(2) });
    const sealer = keyring.sealer('rows');
    assert.equal(hex(sealer.seal('golden', Buffer.from('sealdisk'))), golden);
    assert.equal(Buffer.from(sealer.open('golden', Buffer.from(golden, 'hex'))).toString(), 'sealdisk');
    assert.equal(hex(sealer.prefix), golden.slice(0, 10));
    const rowKey = keyring.rowKeys.find(5);
    assert.equal(hex(rowKey ?? ROOT), '8f664de1618249a4c16df8e1faf988a3cc96e389ac8c9c1acf51959c08cf847f');
    assert.equal(hex(new RowSeal(keyring.rowKeys).mac('t', { a: 'x' }).subarray(0, 4)), '00000005');
  }
});

const CONTENT =
  '0100000002000000010100000000000003e811111111111111111111111111111111111111111111111111111111111111110000000202000001a0c4506c002222222222222222222222222222222222222222222222222222222222222222';
const STORE_KEYS = [
  { number: 1, purpose: 'disks', createdMs: 1_000, key: new Uint8Array(32).fill(0x11) },
  { number: 2, purpose: 'rows', createdMs: 1_790_000_000_000, key: new Uint8Array(32).fill(0x22) },
] as const;

test('the store keys in a keyring', () => {
  assert.equal(hex(encodeKeyring(STORE_KEYS)), CONTENT);
  assert.deepEqual(decodeKeyring(Buffer.from(CONTENT, 'hex')), STORE_KEYS);
  for (const wrong of [
    '',
    '01',
    CONTENT.slice(0, -2),
    `${CONTENT}00`,
    `02${CONTENT.slice(2)}`,
    CONTENT.replace('0000000101', '0000000104'),
  ])
    assert.throws(() => decodeKeyring(Buffer.from(wrong, 'hex')), { kind: 'corrupt', code: 'KEYRING_VERSION' }, wrong);
});

test('a keyring', () => {
  const line = `{"what":"sealdisk-keyring","version":1,"id":"${ROOT_ID}","createdMs":1000,"provider":{"kind":"file"}}`;
  const body =
    '01aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa43fcfcac6c7ff8e5934d94f726dd35fcc5760bdf866a9d487b321255d0cabca0a22a16c338daf7a0599699c59b20c037e4a6e39d7f414cf739fdd79767a3d072405103b26f03d1e0721185bd553cd60fe8dd9f4eb3a85d327987e1cbf98cce857d2fe272ef626da193e39b761ae8b0';
  const sealer = new SealedBytes(nodeCipherBackend(), random, keyringKeyOf(ROOT));
  const header = { what: 'sealdisk-keyring', id: ROOT_ID, createdMs: 1_000, provider: { kind: 'file' } } as const;
  const file = Buffer.from(`${line}\n${body}\n`);
  assert.equal(Buffer.from(encodeSealedFile(header, sealer, Buffer.from(CONTENT, 'hex'))).toString(), file.toString());
  const parsed = parseSealedFile('sealdisk-keyring', 'keyring', file);
  assert.deepEqual(parsed.header, header);
  assert.equal(hex(parsed.open(sealer)), CONTENT);
  assert.throws(() => parseSealedFile('sealdisk-key-backup', 'it', file), {
    kind: 'corrupt',
    code: 'SEALED_FILE_DAMAGED',
  });
  const newer = Buffer.from(file.toString().replace('"version":1', '"version":2'));
  assert.throws(() => parseSealedFile('sealdisk-keyring', 'it', newer), { code: 'SEALED_FILE_VERSION' });
});

test('a root key under a passphrase', async () => {
  const record = {
    kind: 'passphrase',
    kdf: 'scrypt',
    n: 1024,
    r: 8,
    p: 1,
    salt: 'aa'.repeat(32),
    wrapped:
      '01aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0c7edc3376a862b2e274d32ae53dfe0f27123ceb101b3b4e2f019df53733802131f27e595e1ff2dda8f808f71d4358fb',
  } as const;
  const passphrase = givenSecret(Buffer.from('correct horse battery'));
  const provider = new PassphraseProvider(nodeCipherBackend(), random, passphrase, { n: 1024, r: 8, p: 1 });
  assert.deepEqual(await provider.wrap(rootKeyContext(ROOT_ID), ROOT), record);
  assert.equal(hex(await provider.unwrap(rootKeyContext(ROOT_ID), record)), hex(ROOT));
});

test('a root key under a key of a token', { skip: NO_SOFT_HSM }, async () => {
  using hsm = new SoftHsm();
  hsm.makeKey('golden', new Uint8Array(32).fill(3));
  const provider = new Pkcs11Provider(random, { ...hsm.settings, key: 'golden' });
  const record = {
    kind: 'pkcs11',
    mechanism: 'aes-gcm',
    iv: '000102030405060708090a0b',
    wrapped: '46b0774dcee15c0f30c467a7e6e886f4bed17f3f38dea3191f9c086b855c1a22d3c241e2cbd88669a682823e98cd342c',
  } as const;
  assert.deepEqual(await provider.wrap(rootKeyContext(ROOT_ID), ROOT), record);
  assert.equal(hex(await provider.unwrap(rootKeyContext(ROOT_ID), record)), hex(ROOT));
});

test('the content of a backup of keys', () => {
  const golden =
    '01000000457b226163636f756e7473223a5b5d2c227365727669636573223a5b5d2c226b657973223a5b5d2c226b657956657273696f6e73223a5b5d2c22616c6961736573223a5b5d7d0000000100000003010203';
  const index = { accounts: [], services: [], keys: [], keyVersions: [], aliases: [] };
  assert.equal(hex(encodeKeyBackup({ index, keyFiles: [Uint8Array.of(1, 2, 3)] })), golden);
  assert.deepEqual(decodeKeyBackup(Buffer.from(golden, 'hex')), { index, keyFiles: [Uint8Array.of(1, 2, 3)] });
  for (let length = 0; length < golden.length / 2; length++)
    assert.throws(() => decodeKeyBackup(Buffer.from(golden, 'hex').subarray(0, length)), {
      code: 'KEY_BACKUP_VERSION',
    });
});
