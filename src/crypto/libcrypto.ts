import koffi from 'koffi';

import { messageOf, SystemError } from '../base/errors.ts';

type Bytes = Uint8Array;
/** The address of an object of the library; 0 is none. */
export type Handle = number;
type Size = [number];

/** 1 is success, all else failure. */
type Transform = (context: Handle, out: Bytes, size: Size, input: Bytes, length: number) => number;

/**
 * Functions of OpenSSL's libcrypto, by what they do. The pointer to a pointer that `d2i` and `i2d` want is an array with
 * the bytes in it; they move that pointer, not the bytes. Sources: the manual pages of the functions, OpenSSL 3.5.
 */
export interface Libcrypto {
  readPrivateKey(reuse: null, der: [Bytes], length: number): Handle;
  readPublicKey(reuse: null, der: [Bytes], length: number): Handle;
  /** With null it answers the length. */
  writePublicKey(key: Handle, der: [Bytes] | null): number;
  freeKey(key: Handle): void;
  isA(key: Handle, type: string): number;
  bitsOf(key: Handle): number;
  groupOf(key: Handle, name: Bytes, size: number, length: Size): number;
  newContext(key: Handle, engine: null): Handle;
  freeContext(context: Handle): void;
  checkPublicKey(context: Handle): number;
  beginEncrypt(context: Handle): number;
  beginDecrypt(context: Handle): number;
  beginSign(context: Handle): number;
  beginVerify(context: Handle): number;
  encrypt: Transform;
  decrypt: Transform;
  sign: Transform;
  verify(context: Handle, signature: Bytes, signatureLength: number, digest: Bytes, length: number): number;
  setPadding(context: Handle, padding: number): number;
  setOaepHash(context: Handle, hash: Handle): number;
  setSignatureHash(context: Handle, hash: Handle): number;
  setPssSaltLength(context: Handle, length: number): number;
  sha1(): Handle;
  sha256(): Handle;
  clearErrors(): void;
}

/**
 * The OpenSSL inside the running Node, whose program exports its functions. It is there wherever Sealdisk runs, and it
 * is the one that node:crypto uses; here it does what node:crypto has no door to. Source: docs/decisions/0024.
 * @throws {SystemError} kind `unavailable`, code `LIBCRYPTO_MISSING`: a Node that was built in another way.
 */
export function loadLibcrypto(): Libcrypto {
  try {
    return bind(koffi.load(null));
  } catch (error) {
    const why = messageOf(error);
    throw new SystemError('unavailable', 'LIBCRYPTO_MISSING', `This Node does not export its OpenSSL: ${why}`, {
      cause: error,
    });
  }
}

function bind(lib: ReturnType<typeof koffi.load>): Libcrypto {
  const bound = <F>(prototype: string): F => lib.func(prototype) as F;
  const transform = (name: string): Transform =>
    bound(
      `int EVP_PKEY_${name}(uintptr_t context, uint8_t *out, _Inout_ size_t *size, const uint8_t *in, size_t length)`,
    );
  const begin = (name: string): ((context: Handle) => number) => bound(`int EVP_PKEY_${name}_init(uintptr_t context)`);
  return {
    readPrivateKey: bound('uintptr_t d2i_AutoPrivateKey(void *reuse, const uint8_t **der, long length)'),
    readPublicKey: bound('uintptr_t d2i_PUBKEY(void *reuse, const uint8_t **der, long length)'),
    writePublicKey: bound('int i2d_PUBKEY(uintptr_t key, uint8_t **der)'),
    freeKey: bound('void EVP_PKEY_free(uintptr_t key)'),
    isA: bound('int EVP_PKEY_is_a(uintptr_t key, const char *type)'),
    bitsOf: bound('int EVP_PKEY_get_bits(uintptr_t key)'),
    groupOf: bound('int EVP_PKEY_get_group_name(uintptr_t key, uint8_t *name, size_t size, _Inout_ size_t *length)'),
    newContext: bound('uintptr_t EVP_PKEY_CTX_new(uintptr_t key, void *engine)'),
    freeContext: bound('void EVP_PKEY_CTX_free(uintptr_t context)'),
    checkPublicKey: bound('int EVP_PKEY_public_check(uintptr_t context)'),
    beginEncrypt: begin('encrypt'),
    beginDecrypt: begin('decrypt'),
    beginSign: begin('sign'),
    beginVerify: begin('verify'),
    encrypt: transform('encrypt'),
    decrypt: transform('decrypt'),
    sign: transform('sign'),
    verify: bound(
      'int EVP_PKEY_verify(uintptr_t context, const uint8_t *signature, size_t signatureLength, const uint8_t *digest, size_t length)',
    ),
    setPadding: bound('int EVP_PKEY_CTX_set_rsa_padding(uintptr_t context, int padding)'),
    setOaepHash: bound('int EVP_PKEY_CTX_set_rsa_oaep_md(uintptr_t context, uintptr_t hash)'),
    setSignatureHash: bound('int EVP_PKEY_CTX_set_signature_md(uintptr_t context, uintptr_t hash)'),
    setPssSaltLength: bound('int EVP_PKEY_CTX_set_rsa_pss_saltlen(uintptr_t context, int length)'),
    sha1: bound('uintptr_t EVP_sha1()'),
    sha256: bound('uintptr_t EVP_sha256()'),
    clearErrors: bound('void ERR_clear_error()'),
  };
}
