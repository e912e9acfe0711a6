import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { systemClock } from '../../src/base/system-clock.ts';
import { KmsProvider } from '../../src/root/kms-provider.ts';
import type { KmsSettings } from '../../src/root/kms-provider.ts';
import { tempDir } from '../metadata/support.ts';
import { Api } from '../support/api.ts';
import { freePort, TestServer } from '../support/start-server.ts';
import { providerSuite } from './provider-suite.ts';

const SECRET = new Uint8Array(32).fill(3);

// One server for the file: the other KMS is a real one.
let server: TestServer;
let api: Api;
let keyId: string;
before(async () => {
  server = await TestServer.start();
  api = new Api(server);
  await api.openKms();
  keyId = await api.createKey();
});
after(() => server[Symbol.asyncDispose]());

function provider(changes: Partial<KmsSettings> = {}): KmsProvider {
  const accessKeyFile = path.join(server.dataDirectory, 'credentials.json');
  return new KmsProvider(systemClock, {
    endpoint: `http://127.0.0.1:${server.apiPort}`,
    keyId,
    accessKeyFile,
    ...changes,
  });
}

providerSuite('another KMS', {
  make: async () => ({ open: () => provider(), [Symbol.asyncDispose]: async () => undefined }),
});

test('a KMS that does not answer is waited for', async () => {
  const endpoint = `http://127.0.0.1:${await freePort()}`;
  const failure = { kind: 'unavailable', code: 'ROOT_KMS_UNAVAILABLE' };
  await assert.rejects(provider({ endpoint }).wrap('root-key:a', SECRET), failure);
});

test('a key that is disabled over there is waited for, and opens once it is enabled again', async () => {
  const other = await api.createKey();
  const record = await provider({ keyId: other }).wrap('root-key:a', SECRET);
  await api.call('kms', 'DisableKey', { KeyId: other });
  await assert.rejects(provider().unwrap('root-key:a', record), { kind: 'unavailable' });
  await api.call('kms', 'EnableKey', { KeyId: other });
  assert.deepEqual(Uint8Array.from(await provider().unwrap('root-key:a', record)), SECRET);
});

test('a wrong AccessKey or key is refused with the code that the KMS gave', async () => {
  using dir = tempDir();
  const accessKeyFile = path.join(dir.path, 'access-key.json');
  writeFileSync(accessKeyFile, JSON.stringify({ accessKeyId: 'LTAInobody', accessKeySecret: 'nothing' }));
  await assert.rejects(provider({ accessKeyFile }).wrap('root-key:a', SECRET), {
    kind: 'denied',
    code: 'ROOT_KMS_REFUSED',
    message: /InvalidAccessKeyId/,
  });
  const unknown = provider({ keyId: '11111111-2222-4333-8444-555555555555' }).wrap('root-key:a', SECRET);
  await assert.rejects(unknown, { kind: 'denied', message: /NotFound/ });
});

test('an AccessKey file that is no JSON is named and not quoted', async () => {
  using dir = tempDir();
  const accessKeyFile = path.join(dir.path, 'access-key.json');
  for (const content of ['very secret', '{"accessKeyId":"a"}']) {
    writeFileSync(accessKeyFile, content);
    const failure = await provider({ accessKeyFile })
      .wrap('root-key:a', SECRET)
      .catch((error: unknown) => error as Error);
    assert.ok(failure instanceof Error);
    assert.match(failure.message, /SEALDISK_KMS_ACCESS_KEY_FILE/);
    assert.doesNotMatch(failure.message, /secret/);
  }
});
