import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

import { SystemError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/log.ts';
import type { Logger } from '../../src/base/log.ts';
import type { Aead, CipherBackend } from '../../src/crypto/aead.ts';
import { selectCipherBackend, selfTest } from '../../src/crypto/cipher-backend.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';

function recorder(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const note = (level: string) => (fields: object, message: string) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  return { lines, log: { ...silentLogger, info: note('info'), warn: note('warn'), error: note('error') } };
}

/** node:crypto with one method of its keys replaced: a library that loads and then does something wrong. */
function broken(change: (aead: Aead) => Partial<Aead>): CipherBackend {
  const real = nodeCipherBackend();
  const createAead: CipherBackend['createAead'] = (suite, key) => {
    const aead = real.createAead(suite, key);
    const changed = change(aead);
    return {
      suite,
      seal: changed.seal ?? aead.seal.bind(aead),
      open: changed.open ?? aead.open.bind(aead),
      wipe: () => aead.wipe(),
    };
  };
  return { name: 'broken', createAead };
}

test('libgcrypt is chosen where it works, and that is said once', () => {
  const { log, lines } = recorder();
  assert.match(selectCipherBackend(log).name, /^libgcrypt 1\./);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /^info .*libgcrypt/);
});

test('node:crypto is chosen where libgcrypt cannot be loaded, with the reason in one warning', () => {
  const { log, lines } = recorder();
  const backend = selectCipherBackend(log, () => {
    throw new SystemError('unavailable', 'LIBGCRYPT_MISSING', 'libgcrypt.so.20 could not be loaded');
  });
  assert.match(backend.name, /^node:crypto/);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /^warn .*could not be loaded/);
});

const FAULTS: Record<string, CipherBackend> = {
  'refuses to seal, as libgcrypt does in FIPS mode': broken(() => ({
    seal: () => {
      throw new SystemError('internal', 'LIBGCRYPT_FAILED', 'libgcrypt refused setiv with code 63');
    },
  })),
  'seals into other bytes': broken((aead) => ({
    seal: (nonce, aad, plaintext, tail, sealed) => {
      aead.seal(nonce, aad, plaintext, tail, sealed);
      sealed[0] = (sealed[0] ?? 0) ^ 1;
    },
  })),
  'accepts every tag': broken((aead) => ({
    open: (nonce, aad, sealed, plaintext, tail) => {
      aead.open(nonce, aad, sealed, plaintext, tail);
      return true;
    },
  })),
};
for (const [fault, backend] of Object.entries(FAULTS)) {
  test(`a library that loads but ${fault} is not used`, () => {
    assert.throws(() => selfTest(backend));
    assert.match(selectCipherBackend(silentLogger, () => backend).name, /^node:crypto/);
  });
}

test('a libgcrypt in FIPS mode, which loads but refuses our use of GCM and SM4, is not used', () => {
  const modules = ['cipher-backend', 'libgcrypt'].map(
    (name) => new URL(`../../src/crypto/${name}.ts`, import.meta.url),
  );
  const program = `
    const [{ selectCipherBackend }, { loadLibgcrypt }] = await Promise.all(${JSON.stringify(modules)}.map((m) => import(m)));
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    console.log(JSON.stringify([loadLibgcrypt().name, selectCipherBackend(log).name]));`;
  const child = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
    env: { ...process.env, LIBGCRYPT_FORCE_FIPS_MODE: '1' },
  });
  const [loaded, selected] = JSON.parse(child.stdout) as [string, string];
  assert.match(loaded, /^libgcrypt/);
  assert.match(selected, /^node:crypto/);
});
