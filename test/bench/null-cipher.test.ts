import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';

import { selectCipherBackend } from '../../bench/null-cipher/cipher-backend.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

test('the null cipher copies, and a slot of another place does not open', () => {
  const aead = selectCipherBackend().createAead('aes-256-gcm', new Uint8Array(32));
  const nonce = new Uint8Array(12).fill(3);
  const none = new Uint8Array(0);
  const [plain, tail] = [new Uint8Array(16).fill(1), new Uint8Array(4).fill(2)];
  const sealed = new Uint8Array(36);
  aead.seal(nonce, none, plain, tail, sealed);
  assert.deepEqual(sealed.subarray(0, 20), Uint8Array.of(...plain, ...tail));
  const [body, rest] = [new Uint8Array(16), new Uint8Array(4)];
  assert.ok(aead.open(nonce, none, sealed, body, rest));
  assert.deepEqual([body, rest], [plain, tail]);
  assert.ok(!aead.open(new Uint8Array(12), none, sealed, body, rest));
  assert.ok(body.every((byte) => byte === 0));
});

test('only a Node that was told so gets it', () => {
  const program = `
    const { selectCipherBackend } = await import('./src/crypto/cipher-backend.ts');
    console.log(selectCipherBackend({ info() {}, warn() {} }).name)`;
  const name = (...flags: string[]): string =>
    execFileSync(process.execPath, [...flags, '--input-type=module', '-e', program], {
      cwd: ROOT,
      encoding: 'utf8',
    }).trim();
  assert.equal(name('--import', path.join(ROOT, 'bench/null-cipher/register.ts')), 'none (benchmark)');
  assert.notEqual(name(), 'none (benchmark)');
});
