import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ExportTable } from '../../src/diskserver/export-table.ts';
import type { Export } from '../../src/nbd/export.ts';

const exportOf = (description: string): Export => ({ description }) as Export;

function twoExports(): ExportTable {
  const table = new ExportTable();
  table.add({
    name: 'a',
    diskId: 'd-a',
    socketPath: '/run/a.sock',
    pskIdentity: 'id-a',
    psk: new Uint8Array(32).fill(1),
    serve: () => exportOf('a'),
  });
  table.add({
    name: 'b',
    diskId: 'd-b',
    socketPath: '/run/b.sock',
    pskIdentity: 'id-b',
    psk: new Uint8Array(32).fill(2),
    serve: () => exportOf('b'),
  });
  return table;
}

for (const [transport, peer] of [
  ['a TLS identity', { transport: 'tcp', pskIdentity: 'id-a' }],
  ['a certificate for the disk', { transport: 'certificate', grants: ['sealdisk:disk:d-a', 'sealdisk:disk:d-x'] }],
  ['a certificate for the export', { transport: 'certificate', grants: ['sealdisk:export:a'] }],
  ['a Unix socket', { transport: 'unix', socketPath: '/run/a.sock' }],
] as const) {
  test(`${transport} sees its own export and no other`, () => {
    const table = twoExports();
    assert.deepEqual(table.list(peer), ['a']);
    assert.equal(table.find(peer, 'a')?.description, 'a');
    assert.equal(table.find(peer, '')?.description, 'a');
    assert.equal(table.find(peer, 'b'), undefined);
  });
}

test('a certificate sees every export that it names, and without a name only the one that there is', () => {
  const table = twoExports();
  const both = { transport: 'certificate', grants: ['sealdisk:disk:d-b', 'sealdisk:export:a'] } as const;
  assert.deepEqual(table.list(both), ['a', 'b']);
  assert.equal(table.find(both, ''), undefined);
  assert.equal(table.find(both, 'b')?.description, 'b');
  table.suspend('a');
  assert.equal(table.find(both, '')?.description, 'b');
  const none = { transport: 'certificate', grants: ['sealdisk:disk:a', 'sealdisk:export:d-a', 'a'] } as const;
  assert.deepEqual(table.list(none), []);
});

test('an unknown identity has no secret and sees nothing', () => {
  const table = twoExports();
  assert.equal(table.pskOf('id-c'), undefined);
  assert.deepEqual(table.list({ transport: 'tcp', pskIdentity: 'id-c' }), []);
  assert.equal(table.find({ transport: 'tcp', pskIdentity: 'id-c' }, ''), undefined);
});

test('removing an export wipes its secret', () => {
  const table = twoExports();
  const psk = table.pskOf('id-a');
  assert.deepEqual(psk, new Uint8Array(32).fill(1));
  table.remove('a');
  assert.deepEqual(psk, new Uint8Array(32));
  assert.equal(table.pskOf('id-a'), undefined);
});

test('an export that is being closed takes nobody new, and is back when closing failed', () => {
  const table = twoExports();
  const peer = { transport: 'tcp', pskIdentity: 'id-a' } as const;
  table.suspend('a');
  assert.deepEqual(table.list(peer), []);
  assert.equal(table.find(peer, 'a'), undefined);
  table.resume('a');
  assert.equal(table.find(peer, 'a')?.description, 'a');
});
