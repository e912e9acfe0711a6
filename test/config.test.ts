import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';

import { loadConfig } from '../src/config.ts';

test('certificates for NBD come all three or not at all, from options or the environment', () => {
  assert.equal(loadConfig({}, {}).nbdCertificates, undefined);
  assert.throws(() => loadConfig({ nbdCertificate: 'a' }, {}), /set all of --nbd-certificate, --nbd-key and/);
  assert.throws(() => loadConfig({ nbdKey: 'a' }, { SEALDISK_NBD_CLIENT_CA: 'b' }), /set all of/);
  const { nbdCertificates } = loadConfig(
    { nbdCertificate: 'cert.pem', nbdKey: '/k/key.pem' },
    { SEALDISK_NBD_CERTIFICATE: 'ignored', SEALDISK_NBD_CLIENT_CA: 'ca.pem' },
  );
  assert.deepEqual(nbdCertificates, {
    certificate: path.resolve('cert.pem'),
    privateKey: '/k/key.pem',
    authorities: path.resolve('ca.pem'),
  });
});

test('a test clock is refused where others reach the server', () => {
  assert.equal(loadConfig({}, {}).testClock, false);
  assert.equal(loadConfig({ testClock: true }, {}).testClock, true);
  assert.throws(() => loadConfig({ testClock: true, nbdListen: '0.0.0.0:10809' }, {}), {
    kind: 'invalid',
    code: 'TEST_CLOCK_EXPOSED',
  });
  assert.throws(() => loadConfig({ testClock: true, listen: '0.0.0.0:8686' }, {}), { code: 'NOT_LOOPBACK' });
});
