import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';

import { loadLibgcrypt } from '../../src/crypto/libgcrypt.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { aeadSuite } from './aead-suite.ts';

aeadSuite(loadLibgcrypt(), nodeCipherBackend());

test('memory that is collected between and during calls never reaches the library', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options?: { type: string }) => void;
  const key = new Uint8Array(32).fill(1);
  const aead = loadLibgcrypt().createAead('aes-256-gcm', key);
  const expected = nodeCipherBackend().createAead('aes-256-gcm', key);
  const reference = new Uint8Array(4096 + 8 + 16);
  for (let round = 0; round < 3000; round++) {
    // Fresh arrays each time, small ones too: V8 keeps those inside its moving heap until someone asks for their address.
    const nonce = new Uint8Array(12).fill(round);
    const sealed = new Uint8Array(4096 + 8 + 16);
    aead.seal(nonce, Uint8Array.of(round & 0xff), new Uint8Array(4096).fill(round), new Uint8Array(8).fill(2), sealed);
    if (round % 10 === 0) collect({ type: 'minor' });
    if (round % 300 === 0) collect();
    const opened = new Uint8Array(4096);
    assert.ok(aead.open(nonce, Uint8Array.of(round & 0xff), sealed, opened, new Uint8Array(8)), `round ${round}`);
    if (round % 100 === 0) {
      expected.seal(nonce, Uint8Array.of(round & 0xff), opened, new Uint8Array(8).fill(2), reference);
      assert.deepEqual(sealed, reference);
    }
  }
  aead.wipe();
});

test('each thread loads the library for itself and seals with its own handles', async () => {
  const module = new URL('../../src/crypto/libgcrypt.ts', import.meta.url).href;
  const program = `
    const { parentPort } = require('node:worker_threads');
    import(${JSON.stringify(module)}).then(({ loadLibgcrypt }) => {
      const aead = loadLibgcrypt().createAead('sm4-gcm', new Uint8Array(16).fill(1));
      const sealed = new Uint8Array(4096 + 16), plaintext = new Uint8Array(4096), none = new Uint8Array(0);
      let good = 0;
      for (let i = 0; i < 2000; i++) {
        aead.seal(new Uint8Array(12).fill(i), none, new Uint8Array(4096).fill(i), none, sealed);
        if (aead.open(new Uint8Array(12).fill(i), none, sealed, plaintext, none) && plaintext[4095] === (i & 255)) good++;
      }
      aead.wipe();
      parentPort.postMessage(good);
    });`;
  const answers = await Promise.all(
    [1, 2].map(
      () =>
        new Promise((resolve, reject) => {
          const worker = new Worker(program, { eval: true });
          worker.once('message', resolve).once('error', reject);
        }),
    ),
  );
  assert.deepEqual(answers, [2000, 2000]);
});
