import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { rootSettings } from '../src/root-settings.ts';
import { tempDir } from './metadata/support.ts';

test('nothing configured: nobody is asked for', () => {
  assert.deepEqual(rootSettings({}), {
    provider: undefined,
    passphraseFile: undefined,
    pkcs11: undefined,
    kms: undefined,
  });
});

test('a passphrase file makes a new data directory use it, and SEALDISK_ROOT_KEY decides otherwise', () => {
  const passphrase = { SEALDISK_PASSPHRASE_FILE: '/p' };
  assert.equal(rootSettings(passphrase).provider, 'passphrase');
  assert.equal(rootSettings({ ...passphrase, SEALDISK_ROOT_KEY: 'file' }).provider, 'file');
  assert.throws(() => rootSettings({ SEALDISK_ROOT_KEY: 'tpm' }), { kind: 'invalid', code: 'BAD_ROOT_PROVIDER' });
});

test('credentials of systemd stand in for files that are not configured', () => {
  using dir = tempDir();
  const environment = {
    CREDENTIALS_DIRECTORY: dir.path,
    SEALDISK_PKCS11_MODULE: '/m.so',
    SEALDISK_PKCS11_TOKEN: 't',
    SEALDISK_PKCS11_KEY: 'k',
    SEALDISK_KMS_ENDPOINT: 'https://kms.cn-hangzhou.aliyuncs.com',
    SEALDISK_KMS_KEY: 'alias/root',
  };
  assert.throws(() => rootSettings(environment), {
    code: 'HALF_ROOT_PROVIDER',
    message: /SEALDISK_KMS_ACCESS_KEY_FILE/,
  });
  const file = (name: string): string => path.join(dir.path, name);
  for (const name of ['sealdisk.passphrase', 'sealdisk.pkcs11-pin', 'sealdisk.kms-access-key'])
    writeFileSync(file(name), '');
  assert.deepEqual(rootSettings(environment), {
    provider: 'passphrase',
    passphraseFile: file('sealdisk.passphrase'),
    pkcs11: { module: '/m.so', token: 't', key: 'k', pinFile: file('sealdisk.pkcs11-pin') },
    kms: {
      endpoint: 'https://kms.cn-hangzhou.aliyuncs.com',
      keyId: 'alias/root',
      accessKeyFile: file('sealdisk.kms-access-key'),
    },
  });
  assert.equal(rootSettings({ ...environment, SEALDISK_PASSPHRASE_FILE: '/p' }).passphraseFile, '/p');
});

test('a token that is half configured is refused with what is missing', () => {
  const half = { SEALDISK_PKCS11_MODULE: '/m.so', SEALDISK_PKCS11_TOKEN: 't' };
  assert.throws(() => rootSettings(half), {
    kind: 'invalid',
    code: 'HALF_ROOT_PROVIDER',
    message: /SEALDISK_PKCS11_KEY/,
  });
});

test('another KMS is reached under TLS, or on this machine', () => {
  const settings = (SEALDISK_KMS_ENDPOINT: string) =>
    rootSettings({ SEALDISK_KMS_ENDPOINT, SEALDISK_KMS_KEY: 'k', SEALDISK_KMS_ACCESS_KEY_FILE: '/a' }).kms?.endpoint;
  for (const good of ['https://kms.example', 'http://127.0.0.1:8686', 'http://localhost:1', 'http://[::1]:8686'])
    assert.equal(settings(good), good);
  for (const bad of ['http://kms.example', 'kms.example', 'ftp://127.0.0.1', ''].filter((text) => text !== ''))
    assert.throws(() => settings(bad), { kind: 'invalid', code: 'BAD_KMS_ENDPOINT' }, bad);
});
