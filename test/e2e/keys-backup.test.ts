import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { tempDir } from '../metadata/support.ts';
import { NO_SOFT_HSM, SoftHsm } from '../root/soft-hsm.ts';
import { Api } from '../support/api.ts';
import { TestServer } from '../support/start-server.ts';

const PLAINTEXT = Buffer.from('as it was').toString('base64');

interface Restored {
  readonly applied: boolean;
  readonly keys: readonly { readonly keyId: string; readonly outcome: string }[];
  readonly accounts: readonly string[];
}

async function encrypt(server: TestServer): Promise<{ readonly keyId: string; readonly blob: string }> {
  const api = new Api(server);
  await api.openKms();
  const keyId = await api.createKey();
  const { CiphertextBlob } = await api.call<{ CiphertextBlob: string }>('kms', 'Encrypt', {
    KeyId: keyId,
    Plaintext: PLAINTEXT,
  });
  return { keyId, blob: CiphertextBlob };
}

test('keys go from one server to an empty one through a file under a passphrase', async () => {
  using dir = tempDir();
  const [file, passphraseFile] = [path.join(dir.path, 'keys.backup'), path.join(dir.path, 'passphrase')];
  writeFileSync(passphraseFile, 'a passphrase for backups\n');
  await using source = await TestServer.start();
  const { keyId, blob } = await encrypt(source);
  const made = await source.json<{ keys: number }>('keys', 'backup', file, '--passphrase-file', passphraseFile);
  assert.equal(made.keys, 1);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const again = await source.sealdisk('keys', 'backup', file, '--passphrase-file', passphraseFile);
  assert.equal(again.code, 5, 'a backup is never overwritten');
  assert.match(again.stderr, /BACKUP_NOT_WRITTEN/);
  const unsealable = await source.sealdisk('keys', 'backup', `${file}.2`, '--to-provider');
  assert.match(unsealable.stderr, /BACKUP_WANTS_PASSPHRASE/);

  await using target = await TestServer.start();
  const plan = await target.json<Restored>('keys', 'restore', file, '--passphrase-file', passphraseFile);
  const { accountId } = source.credentials;
  assert.deepEqual(
    [plan.applied, plan.keys.map(({ outcome }) => outcome), plan.accounts],
    [false, ['restore'], [accountId]],
  );
  const lines = await target.sealdiskWith({ input: 'a passphrase for backups\n' }, 'keys', 'restore', file);
  assert.match(lines.stdout, new RegExp(`${keyId} .*would be restored`));
  assert.match(lines.stdout, /nothing was changed\. Do it with --apply/);
  const done = await target.json<Restored>('keys', 'restore', file, '--passphrase-file', passphraseFile, '--apply');
  assert.deepEqual([done.applied, done.keys.map((key) => key.keyId)], [true, [keyId]]);
  const accessKey = await target.json<{ accessKeyId: string }>('account', 'access-key', accountId);
  writeFileSync(path.join(target.dataDirectory, 'credentials.json'), JSON.stringify(accessKey));
  const { Plaintext } = await new Api(target).call<{ Plaintext: string }>('kms', 'Decrypt', { CiphertextBlob: blob });
  assert.equal(Plaintext, PLAINTEXT);
  const wrong = await target.sealdiskWith({ input: 'another passphrase' }, 'keys', 'restore', file);
  assert.equal(wrong.code, 4);
  assert.match(wrong.stderr, /ROOT_PASSPHRASE_WRONG/);
});

test(
  'a backup for the token that keeps the root key needs no passphrase and outlives a rotation',
  { skip: NO_SOFT_HSM },
  async () => {
    using hsm = new SoftHsm();
    using dir = tempDir();
    const file = path.join(dir.path, 'keys.backup');
    const environment = { ...hsm.environment, SEALDISK_ROOT_KEY: 'pkcs11' };
    await using source = await TestServer.start({ environment });
    const { keyId } = await encrypt(source);
    await source.json('keys', 'backup', file, '--to-provider');
    assert.match(readFileSync(file, 'utf8'), /^\{"what":"sealdisk-key-backup","version":1,.*"kind":"pkcs11"/);
    await source.json('root-key', 'rotate');
    await using target = await TestServer.start({ environment });
    const done = await target.json<Restored>('keys', 'restore', file, '--apply');
    assert.deepEqual(
      done.keys.map((key) => [key.keyId, key.outcome]),
      [[keyId, 'restore']],
    );
    await using stranger = await TestServer.start();
    const refused = await stranger.sealdisk('keys', 'restore', file);
    assert.match(refused.stderr, /ROOT_PROVIDER_UNSET/);
  },
);
