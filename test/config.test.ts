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

test('request rates are whole numbers, 0 means none, and there are defaults', () => {
  assert.deepEqual(loadConfig({}, {}).requestRates, { accountPerSecond: 2000, operationPerSecond: 1000 });
  const rates = { SEALDISK_ACCOUNT_REQUESTS_PER_SECOND: '0', SEALDISK_OPERATION_REQUESTS_PER_SECOND: '50' };
  assert.deepEqual(loadConfig({}, rates).requestRates, { accountPerSecond: 0, operationPerSecond: 50 });
  for (const bad of ['-1', '1e3', '1.5', 'none', '99999999']) {
    assert.throws(() => loadConfig({}, { SEALDISK_ACCOUNT_REQUESTS_PER_SECOND: bad }), /whole number of requests/);
  }
});

test('how long the audit log is kept is a number of days, or for ever', () => {
  assert.equal(loadConfig({}, {}).auditKeepDays, undefined);
  assert.equal(loadConfig({}, { SEALDISK_AUDIT_KEEP_DAYS: '400' }).auditKeepDays, 400);
  for (const bad of ['0', '-1', '1.5', '1y', '100000'])
    assert.throws(() => loadConfig({}, { SEALDISK_AUDIT_KEEP_DAYS: bad }), { kind: 'invalid', code: 'BAD_DAYS' });
});
