import koffi from 'koffi';

import { assert } from '../base/assert.ts';
import { SystemError } from '../base/errors.ts';
import { KEY_SIZE_BYTES, NONCE_SIZE_BYTES, TAG_SIZE_BYTES } from './aead.ts';
import type { Aead, CipherBackend, Suite } from './aead.ts';

// Numbers of the library's interface. Source: gcrypt.h of libgcrypt 1.10.
const GCRYCTL_INIT_SECMEM = 24;
const GCRYCTL_DISABLE_SECMEM_WARN = 27;
const GCRYCTL_INITIALIZATION_FINISHED = 38;
const GCRYCTL_INITIALIZATION_FINISHED_P = 39;
const GCRYCTL_AUTO_EXPAND_SECMEM = 78;
const GCRY_CIPHER_MODE_GCM = 9;
const GCRY_CIPHER_SECURE = 1;
const ALGORITHM: Readonly<Record<Suite, number>> = { 'aes-256-gcm': 9, 'sm4-gcm': 318 };

/** gcry_error_t keeps the code in its low 16 bits; the rest names the source. Source: gpg-error.h. */
const CODE_MASK = 0xffff;
const GPG_ERR_CHECKSUM = 10;

/** The first release with SM4 is 1.9.0. */
const MINIMUM_VERSION = '1.9.0';

/**
 * Key schedules live in the library's locked memory, about 1.9 KB each. The default pool of 32 KiB ends after
 * 16 of them, so it starts at 1 MiB (some 500 open keys) and grows by as much. Where the machine does not allow
 * locking, the library still wipes what it frees.
 */
const SECURE_POOL_SIZE_BYTES = 1024 * 1024;

type Control = (command: number, ...args: unknown[]) => number;
type Bytes = Uint8Array;

/** The functions that we call. A handle is the address of a `gcry_cipher_hd`. */
interface Library {
  readonly version: string;
  open(handle: number[], algorithm: number, mode: number, flags: number): number;
  close(handle: number): void;
  setKey(handle: number, key: Bytes, length: number): number;
  setNonce(handle: number, nonce: Bytes, length: number): number;
  authenticate(handle: number, aad: Bytes, length: number): number;
  encrypt(handle: number, out: Bytes, outLength: number, input: Bytes, length: number): number;
  decrypt(handle: number, out: Bytes, outLength: number, input: Bytes, length: number): number;
  getTag(handle: number, tag: Bytes, length: number): number;
  checkTag(handle: number, tag: Bytes, length: number): number;
}

/**
 * Loads libgcrypt.so.20 and initialises it once for the process.
 * Loading proves nothing about what works (FIPS mode refuses GCM nonces and has no SM4):
 * `selectCipherBackend` in cipher-backend.ts seals and opens before anything relies on it.
 * @throws {SystemError} kind `unavailable`: missing, or too old.
 */
export function loadLibgcrypt(): CipherBackend {
  const library = loadLibrary();
  return {
    name: `libgcrypt ${library.version}`,
    createAead: (suite, key) => new LibgcryptAead(library, suite, key),
  };
}

function loadLibrary(): Library {
  let lib: ReturnType<typeof koffi.load>;
  try {
    lib = koffi.load('libgcrypt.so.20');
  } catch (error) {
    throw new SystemError('unavailable', 'LIBGCRYPT_MISSING', 'libgcrypt.so.20 could not be loaded', { cause: error });
  }
  // gcry_check_version comes first: it also sets up the library.
  const checkVersion = lib.func('const char *gcry_check_version(const char *minimum)') as (
    minimum: string,
  ) => string | null;
  const version = checkVersion(MINIMUM_VERSION);
  if (version === null)
    throw new SystemError('unavailable', 'LIBGCRYPT_TOO_OLD', `libgcrypt is older than ${MINIMUM_VERSION}`);

  const control = lib.func('uint32_t gcry_control(int command, ...)') as Control;
  if (control(GCRYCTL_INITIALIZATION_FINISHED_P) === 0) {
    control(GCRYCTL_DISABLE_SECMEM_WARN);
    control(GCRYCTL_AUTO_EXPAND_SECMEM, 'uint', SECURE_POOL_SIZE_BYTES);
    control(GCRYCTL_INIT_SECMEM, 'int', SECURE_POOL_SIZE_BYTES);
    control(GCRYCTL_INITIALIZATION_FINISHED, 'int', 0);
  }

  // Byte arrays are passed as such and not as numbers: koffi then keeps them alive during the call. A number would
  // save 0.1 us of 1.1 us per block and let the collector free the memory under the library.
  const cipher = (name: string, args: string): unknown =>
    lib.func(`uint32_t gcry_cipher_${name}(uintptr_t h, ${args})`);
  const transform = 'uint8_t *out, size_t outLength, const uint8_t *in, size_t length';
  return {
    version,
    open: lib.func(
      'uint32_t gcry_cipher_open(_Out_ uintptr_t *h, int algorithm, int mode, uint flags)',
    ) as Library['open'],
    close: lib.func('void gcry_cipher_close(uintptr_t h)') as Library['close'],
    setKey: cipher('setkey', 'const uint8_t *key, size_t length') as Library['setKey'],
    setNonce: cipher('setiv', 'const uint8_t *nonce, size_t length') as Library['setNonce'],
    authenticate: cipher('authenticate', 'const uint8_t *aad, size_t length') as Library['authenticate'],
    encrypt: cipher('encrypt', transform) as Library['encrypt'],
    decrypt: cipher('decrypt', transform) as Library['decrypt'],
    getTag: cipher('gettag', 'uint8_t *tag, size_t length') as Library['getTag'],
    checkTag: cipher('checktag', 'const uint8_t *tag, size_t length') as Library['checkTag'],
  };
}

/** One handle, and so one thread: two threads on one handle make wrong tags without any error. */
class LibgcryptAead implements Aead {
  readonly suite: Suite;
  readonly #library: Library;
  #handle: number;

  constructor(library: Library, suite: Suite, key: Uint8Array) {
    assert(key.length === KEY_SIZE_BYTES[suite], `a key of ${suite} has ${KEY_SIZE_BYTES[suite]} bytes`);
    this.suite = suite;
    this.#library = library;
    const opened = [0];
    check(library.open(opened, ALGORITHM[suite], GCRY_CIPHER_MODE_GCM, GCRY_CIPHER_SECURE), 'open');
    this.#handle = opened[0] ?? 0;
    try {
      check(library.setKey(this.#handle, key, key.length), 'setkey');
    } catch (error) {
      this.wipe();
      throw error;
    }
  }

  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, tail: Uint8Array, sealed: Uint8Array): void {
    const library = this.#library;
    const bodySize = plaintext.length;
    const tailSize = tail.length;
    assert(sealed.length === bodySize + tailSize + TAG_SIZE_BYTES, 'sealed is as long as the message and its tag');
    const handle = this.#begin(nonce, aad, bodySize, tailSize);
    if (bodySize > 0) check(library.encrypt(handle, sealed, bodySize, plaintext, bodySize), 'encrypt');
    if (tailSize > 0) check(library.encrypt(handle, sealed.subarray(bodySize), tailSize, tail, tailSize), 'encrypt');
    check(library.getTag(handle, sealed.subarray(bodySize + tailSize), TAG_SIZE_BYTES), 'gettag');
  }

  open(nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array, plaintext: Uint8Array, tail: Uint8Array): boolean {
    const library = this.#library;
    const bodySize = plaintext.length;
    const tailSize = tail.length;
    assert(sealed.length === bodySize + tailSize + TAG_SIZE_BYTES, 'sealed is as long as the message and its tag');
    const handle = this.#begin(nonce, aad, bodySize, tailSize);
    if (bodySize > 0) check(library.decrypt(handle, plaintext, bodySize, sealed, bodySize), 'decrypt');
    if (tailSize > 0) check(library.decrypt(handle, tail, tailSize, sealed.subarray(bodySize), tailSize), 'decrypt');
    const verdict = library.checkTag(handle, sealed.subarray(bodySize + tailSize), TAG_SIZE_BYTES) & CODE_MASK;
    if (verdict === 0) return true;
    plaintext.fill(0);
    tail.fill(0);
    if (verdict !== GPG_ERR_CHECKSUM) check(verdict, 'checktag');
    return false;
  }

  wipe(): void {
    if (this.#handle === 0) return;
    // Closing overwrites the whole context, key schedule included.
    this.#library.close(this.#handle);
    this.#handle = 0;
  }

  #begin(nonce: Uint8Array, aad: Uint8Array, bodySize: number, tailSize: number): number {
    const handle = this.#handle;
    assert(handle !== 0, 'a wiped key is not used');
    assert(nonce.length === NONCE_SIZE_BYTES, 'a nonce has 12 bytes');
    assert(tailSize === 0 || bodySize % 16 === 0, 'a message with a tail is whole cipher blocks before it');
    check(this.#library.setNonce(handle, nonce, NONCE_SIZE_BYTES), 'setiv');
    if (aad.length > 0) check(this.#library.authenticate(handle, aad, aad.length), 'authenticate');
    return handle;
  }
}

function check(error: number, call: string): void {
  if (error === 0) return;
  throw new SystemError('internal', 'LIBGCRYPT_FAILED', `libgcrypt refused ${call} with code ${error & CODE_MASK}`);
}
