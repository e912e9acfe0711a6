import process from 'node:process';

import { assert } from '../base/assert.ts';
import { SystemError } from '../base/errors.ts';
import { wipeableBytes, wipeableCopy } from '../base/wipeable-bytes.ts';
import { DIGEST_SIZE_BYTES } from './asymmetric.ts';
import type {
  EncryptionAlgorithm,
  KeyPairBackend,
  KeyPairSpec,
  PrivateKey,
  SignatureAlgorithm,
  WrappingAlgorithm,
} from './asymmetric.ts';
import { loadLibcrypto } from './libcrypto.ts';
import type { Handle, Libcrypto } from './libcrypto.ts';
import { messageOfPkcs1Block } from './pkcs1-block.ts';
import { sm2CiphertextToDer, sm2CiphertextToString } from './sm2-ciphertext.ts';

// Source: rsa.h of OpenSSL 3.
const PADDING = { pkcs1: 1, none: 3, oaep: 4, pss: 6 } as const;
const SALT_AS_LONG_AS_HASH = -1;

const SPEC_BY_RSA_BITS: Readonly<Record<number, KeyPairSpec>> = { 2048: 'RSA_2048', 3072: 'RSA_3072' };
const SPEC_BY_CURVE: Readonly<Record<string, KeyPairSpec>> = { prime256v1: 'EC_P256', secp256k1: 'EC_P256K' };
/** Room for what an operation adds to its input: an RSA-3072 block, the parts of an SM2 ciphertext in DER, a signature. */
const OUTPUT_ROOM_BYTES = 512;

/** The library's keys live for one operation: whoever opens one disposes it, which wipes the library's copy. */
export function loadOpenssl(): KeyPairBackend {
  const library = loadLibcrypto();
  return {
    name: `OpenSSL ${process.versions.openssl}`,
    openPrivate: (pkcs8) => {
      const key = OpensslKey.of(library, library.readPrivateKey(null, [pkcs8], pkcs8.length));
      if (key === undefined)
        throw new SystemError('corrupt', 'PRIVATE_KEY_DAMAGED', 'A stored private key cannot be read.');
      return key;
    },
    openPublic: (spki) => {
      const key = OpensslKey.of(library, library.readPublicKey(null, [spki], spki.length));
      // Only of kinds that we know: the look at the numbers of an RSA key of any size takes any time.
      if (key === undefined || key.isSound()) return key;
      key[Symbol.dispose]();
      return undefined;
    },
  };
}

/** A public key, or a private one, of which the public one is a part. */
class OpensslKey implements PrivateKey {
  readonly spec: KeyPairSpec;
  readonly #library: Libcrypto;
  #handle: Handle;

  private constructor(library: Libcrypto, handle: Handle, spec: KeyPairSpec) {
    this.#library = library;
    this.#handle = handle;
    this.spec = spec;
  }

  /** @param handle from now on belongs to the key; 0, and a key of another kind, make none. */
  static of(library: Libcrypto, handle: Handle): OpensslKey | undefined {
    const spec = handle === 0 ? undefined : specOf(library, handle);
    library.clearErrors();
    if (spec !== undefined) return new OpensslKey(library, handle, spec);
    if (handle !== 0) library.freeKey(handle);
    return undefined;
  }

  [Symbol.dispose](): void {
    if (this.#handle !== 0) this.#library.freeKey(this.#handle);
    this.#handle = 0;
  }

  /** Whether its numbers are those of a key: a point on its curve; an odd modulus and exponent above 1. */
  isSound(): boolean {
    return this.#within((context) => this.#library.checkPublicKey(context)) === 1;
  }

  publicKeyDer(): Uint8Array {
    const handle = this.#live();
    const der = new Uint8Array(this.#library.writePublicKey(handle, null));
    check(this.#library.writePublicKey(handle, [der]));
    return der;
  }

  encrypt(algorithm: EncryptionAlgorithm, plaintext: Uint8Array): Uint8Array {
    const library = this.#library;
    const output = this.#within((context) => {
      check(library.beginEncrypt(context));
      this.#setEncryption(context, algorithm);
      return transform(library.encrypt, context, plaintext);
    });
    assert(output, 'OpenSSL encrypts what is short enough for the key and algorithm');
    return algorithm === 'SM2PKE' ? sm2CiphertextToString(output) : output;
  }

  decrypt(algorithm: EncryptionAlgorithm, ciphertext: Uint8Array): Uint8Array | undefined {
    const input = algorithm === 'SM2PKE' ? sm2CiphertextToDer(ciphertext) : ciphertext;
    if (input === undefined) return undefined;
    return this.#decrypt(input, (context) => this.#setEncryption(context, algorithm));
  }

  unwrap(algorithm: WrappingAlgorithm, wrapped: Uint8Array, sizeBytes: number): Uint8Array | undefined {
    const isBlock = algorithm === 'RSAES_PKCS1_V1_5';
    const opened = isBlock
      ? this.#decrypt(wrapped, (context) => check(this.#library.setPadding(context, PADDING.none)))
      : this.decrypt(algorithm, wrapped);
    if (opened === undefined || (!isBlock && opened.length === sizeBytes)) return opened;
    try {
      return isBlock ? messageOfPkcs1Block(opened, sizeBytes) : undefined;
    } finally {
      opened.fill(0);
    }
  }

  sign(algorithm: SignatureAlgorithm, digest: Uint8Array): Uint8Array {
    assert(digest.length === DIGEST_SIZE_BYTES, 'a digest has 32 bytes');
    const library = this.#library;
    const signature = this.#within((context) => {
      check(library.beginSign(context));
      this.#setSignature(context, algorithm);
      return transform(library.sign, context, digest);
    });
    assert(signature, 'OpenSSL signs a digest with a key that fits the algorithm');
    return signature;
  }

  verify(algorithm: SignatureAlgorithm, digest: Uint8Array, signature: Uint8Array): boolean {
    assert(digest.length === DIGEST_SIZE_BYTES, 'a digest has 32 bytes');
    const library = this.#library;
    return this.#within((context) => {
      check(library.beginVerify(context));
      this.#setSignature(context, algorithm);
      return library.verify(context, signature, signature.length, digest, digest.length) === 1;
    });
  }

  #decrypt(input: Uint8Array, set: (context: Handle) => void): Uint8Array | undefined {
    return this.#within((context) => {
      check(this.#library.beginDecrypt(context));
      set(context);
      return transform(this.#library.decrypt, context, input);
    });
  }

  #setEncryption(context: Handle, algorithm: EncryptionAlgorithm): void {
    if (algorithm === 'SM2PKE') return;
    const library = this.#library;
    check(library.setPadding(context, PADDING.oaep));
    // MGF1 takes the same hash unless it is told otherwise.
    check(library.setOaepHash(context, algorithm === 'RSAES_OAEP_SHA_1' ? library.sha1() : library.sha256()));
  }

  #setSignature(context: Handle, algorithm: SignatureAlgorithm): void {
    // Its hash is SM3, and OpenSSL knows no other.
    if (algorithm === 'SM2DSA') return;
    const library = this.#library;
    const isPss = algorithm === 'RSA_PSS_SHA_256';
    if (algorithm !== 'ECDSA_SHA_256') check(library.setPadding(context, isPss ? PADDING.pss : PADDING.pkcs1));
    check(library.setSignatureHash(context, library.sha256()));
    if (isPss) check(library.setPssSaltLength(context, SALT_AS_LONG_AS_HASH));
  }

  #within<T>(use: (context: Handle) => T): T {
    const library = this.#library;
    const context = library.newContext(this.#live(), null);
    assert(context !== 0, 'OpenSSL has memory for a context');
    try {
      return use(context);
    } finally {
      library.freeContext(context);
      // What OpenSSL noted about a failure would confuse the next one to look, node:crypto.
      library.clearErrors();
    }
  }

  #live(): Handle {
    assert(this.#handle !== 0, 'a disposed key is not used');
    return this.#handle;
  }
}

function specOf(library: Libcrypto, handle: Handle): KeyPairSpec | undefined {
  const isA = (type: string): boolean => library.isA(handle, type) === 1;
  if (isA('SM2')) return 'EC_SM2';
  if (isA('RSA')) return SPEC_BY_RSA_BITS[library.bitsOf(handle)];
  const name = new Uint8Array(64);
  const length: [number] = [0];
  if (!isA('EC') || library.groupOf(handle, name, name.length, length) !== 1) return undefined;
  return SPEC_BY_CURVE[Buffer.from(name.subarray(0, length[0])).toString('latin1')];
}

/** One call of the library that turns bytes into bytes; undefined when it refuses them. */
function transform(operation: Libcrypto['decrypt'], context: Handle, input: Uint8Array): Uint8Array | undefined {
  const output = wipeableBytes(input.length + OUTPUT_ROOM_BYTES);
  const size: [number] = [output.length];
  try {
    return operation(context, output, size, input, input.length) === 1
      ? wipeableCopy(output.subarray(0, size[0]))
      : undefined;
  } finally {
    output.fill(0);
  }
}

function check(result: number): void {
  if (result <= 0)
    throw new SystemError('internal', 'OPENSSL_FAILED', `OpenSSL refused a parameter with the answer ${result}.`);
}
