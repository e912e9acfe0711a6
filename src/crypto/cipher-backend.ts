import { messageOf, SystemError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { KEY_SIZE_BYTES, NONCE_SIZE_BYTES, TAG_SIZE_BYTES } from './aead.ts';
import type { CipherBackend, Suite } from './aead.ts';
import { loadLibgcrypt } from './libgcrypt.ts';
import { nodeCipherBackend } from './node-aead.ts';

/**
 * libgcrypt when it really works on this machine, else node:crypto; said once in the log.
 * The answer is for the calling thread and its children: load again in another worker.
 */
export function selectCipherBackend(log: Logger, load: () => CipherBackend = loadLibgcrypt): CipherBackend {
  const portable = nodeCipherBackend();
  selfTest(portable);
  try {
    const native = load();
    selfTest(native);
    log.info({ ciphers: native.name }, 'ciphers by libgcrypt');
    return native;
  } catch (error) {
    log.warn(
      { ciphers: portable.name, reason: messageOf(error) },
      'ciphers by node:crypto, several times slower, because libgcrypt (Debian package libgcrypt20) cannot be used',
    );
    return portable;
  }
}

/**
 * Known answers for each suite: 20 zero bytes (16 and a tail of 4) under the key 00 01 02 … and a nonce of 0xa5,
 * with three bytes of associated data. Both backends agree on them; the published vectors are in the tests.
 */
const EXPECTED_HEX: Readonly<Record<Suite, string>> = {
  'aes-256-gcm': '21479ca0329c288928aca3e2a82377258d1ab757c06dc8a3a57274f65e28e5247e89a1e2',
  'sm4-gcm': '598f9e4f51c5d6535408fd93eafe53ec8e84c1fb71114911b249199471c1e5907f837d07',
};

/**
 * Seals, compares, opens, and checks that a changed tag is refused, in every suite.
 * @throws {SystemError} kind `unavailable`: the backend is not usable here, whatever loading it said.
 */
export function selfTest(backend: CipherBackend): void {
  for (const suite of ['aes-256-gcm', 'sm4-gcm'] as const) {
    const key = Uint8Array.from({ length: KEY_SIZE_BYTES[suite] }, (_, index) => index);
    const aead = backend.createAead(suite, key);
    try {
      const nonce = new Uint8Array(NONCE_SIZE_BYTES).fill(0xa5);
      const aad = Uint8Array.of(1, 2, 3);
      const sealed = new Uint8Array(20 + TAG_SIZE_BYTES);
      aead.seal(nonce, aad, new Uint8Array(16), new Uint8Array(4), sealed);
      const matches = Buffer.from(sealed).toString('hex') === EXPECTED_HEX[suite];
      const body = new Uint8Array(16).fill(1);
      const tail = new Uint8Array(4).fill(1);
      const opens = aead.open(nonce, aad, sealed, body, tail) && body.every(isZero) && tail.every(isZero);
      sealed[sealed.length - 1] = (sealed[sealed.length - 1] ?? 0) ^ 1;
      const refuses = !aead.open(nonce, aad, sealed, body, tail);
      if (!(matches && opens && refuses))
        throw new SystemError('unavailable', 'CIPHER_SELF_TEST', `${backend.name} failed its self-test of ${suite}`);
    } finally {
      aead.wipe();
    }
  }
}

const isZero = (byte: number): boolean => byte === 0;
