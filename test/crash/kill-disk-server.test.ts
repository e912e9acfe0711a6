// The disk server is killed at random moments, many times over, under a client that writes; what was flushed must be there.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { killLoop } from './kill-loop.ts';

const KILLS = Number(process.env['SEALDISK_KILLS'] ?? 50);

for (const encrypted of [
  { name: 'AES-256', spec: 'Aliyun_AES_256' },
  { name: 'SM4', spec: 'Aliyun_SM4' },
]) {
  test(`a disk server that is killed ${KILLS / 2} times loses nothing that was flushed, tears no block, changes no snapshot and uses no nonce twice (${encrypted.name})`, async () => {
    const { seals, processes } = await killLoop(encrypted.spec, KILLS / 2);
    assert.ok(seals > 20 * KILLS, `${seals} seals`);
    assert.ok(processes > KILLS / 2, `${processes} processes sealed`);
  });
}
