import koffi from 'koffi';

import { SystemError, messageOf } from '../base/errors.ts';
import { wipeableBytes, wipeableCopy } from '../base/wipeable-bytes.ts';

// Numbers and layouts of PKCS #11 2.40, where CK_ULONG has 8 bytes. Source: OASIS pkcs11t.h and pkcs11f.h.
const CKR_OK = 0;
const CKR_CRYPTOKI_ALREADY_INITIALIZED = 0x191;
const CKR_USER_ALREADY_LOGGED_IN = 0x100;
const CKF_SERIAL_SESSION = 0x4;
const CKF_OS_LOCKING_OK = 0x2;
const CKU_USER = 1;
const CKA_CLASS = 0;
const CKA_LABEL = 3;
const CKA_KEY_TYPE = 0x100;
const CKO_SECRET_KEY = 4;
const CKK_AES = 0x1f;
const CKM_AES_GCM = 0x1087;
const TAG_SIZE_BYTES = 16;
const TAG_SIZE_BITS = 128;
/** A token is asked at most that many questions before something else must be wrong. */
const SLOTS_MAX = 256;

/** The answers that mean something to us. */
const MEANINGS: Readonly<Record<number, readonly ['unavailable' | 'denied' | 'corrupt', string]>> = {
  0x30: ['unavailable', 'the device failed'],
  0x32: ['unavailable', 'the device was removed'],
  0x40: ['corrupt', 'the ciphertext does not fit the key'],
  0x41: ['corrupt', 'the ciphertext does not fit the key'],
  0x42: ['corrupt', 'the ciphertext does not fit the key'],
  0x68: ['denied', 'the key may not be used for this'],
  0x70: ['denied', 'the token cannot do AES-GCM'],
  0xa0: ['denied', 'the PIN is wrong'],
  0xa1: ['denied', 'the PIN is wrong'],
  0xa2: ['denied', 'the PIN is wrong'],
  0xa3: ['denied', 'the PIN has expired'],
  0xa4: ['denied', 'the PIN is locked'],
  0xe0: ['unavailable', 'the token was removed'],
};

type Call = (...args: unknown[]) => number;

const ULONG = 'unsigned long';
const POINTER = 'void *';

/** The calls that we make: place in CK_FUNCTION_LIST, types of the arguments. */
const FUNCTIONS = {
  C_Initialize: [0, [POINTER]],
  C_Finalize: [1, [POINTER]],
  C_GetSlotList: [4, ['uint8_t', POINTER, POINTER]],
  C_GetTokenInfo: [6, [ULONG, POINTER]],
  C_OpenSession: [12, [ULONG, ULONG, POINTER, POINTER, POINTER]],
  C_CloseSession: [13, [ULONG]],
  C_Login: [18, [ULONG, ULONG, POINTER, ULONG]],
  C_Logout: [19, [ULONG]],
  C_FindObjectsInit: [26, [ULONG, POINTER, ULONG]],
  C_FindObjects: [27, [ULONG, POINTER, ULONG, POINTER]],
  C_FindObjectsFinal: [28, [ULONG]],
  C_EncryptInit: [29, [ULONG, POINTER, ULONG]],
  C_Encrypt: [30, [ULONG, POINTER, ULONG, POINTER, POINTER]],
  C_DecryptInit: [33, [ULONG, POINTER, ULONG]],
  C_Decrypt: [34, [ULONG, POINTER, ULONG, POINTER, POINTER]],
} as const satisfies Record<string, readonly [number, readonly string[]]>;

type Functions = Readonly<Record<keyof typeof FUNCTIONS, Call>>;

/** A session with the AES key of a token; good inside `withTokenKey` only. */
export interface TokenKey {
  /** AES-GCM with a tag of 16 bytes at the end. @param iv 12 bytes, never used twice. */
  seal(iv: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** @throws {SystemError} kind `corrupt`: it does not open. */
  open(iv: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array;
}

export interface TokenKeyName {
  /** Path of the library. */
  readonly module: string;
  /** Label of the token. */
  readonly token: string;
  /** Label of the AES key in it. */
  readonly key: string;
}

/**
 * Logs in to a token, uses its key and logs out again: between two uses nothing of this process can use the key.
 * The calls block: tokens on the network take as long as they take.
 * @param pin left to the caller.
 * @throws {SystemError} kind `unavailable`: the library or the token is not there, or failed; kind `denied`: PIN or key.
 */
export function withTokenKey<T>(name: TokenKeyName, pin: Uint8Array, use: (key: TokenKey) => T): T {
  const functions = load(name.module);
  // 48 bytes: four pointers to locks, which we leave to the operating system; flags; reserved.
  const args = Buffer.alloc(48);
  args.writeBigUInt64LE(BigInt(CKF_OS_LOCKING_OK), 32);
  const started = functions.C_Initialize(args);
  if (started !== CKR_CRYPTOKI_ALREADY_INITIALIZED) check(started, 'C_Initialize');
  try {
    const session = openSession(functions, findSlot(functions, name.token));
    try {
      const answer = functions.C_Login(session, CKU_USER, pin, pin.length);
      if (answer !== CKR_USER_ALREADY_LOGGED_IN) check(answer, 'C_Login');
      const key = findKey(functions, session, name);
      return use(new Pkcs11Key(functions, session, key));
    } finally {
      functions.C_Logout(session);
      functions.C_CloseSession(session);
    }
  } finally {
    functions.C_Finalize(null);
  }
}

const loaded = new Map<string, Functions>();

function load(module: string): Functions {
  const known = loaded.get(module);
  if (known !== undefined) return known;
  try {
    // Deep: the library finds its own OpenSSL, and not the other one that Node brings along.
    const library = koffi.load(module, { deep: true });
    const getFunctionList = library.func('C_GetFunctionList', ULONG, [koffi.out(koffi.pointer(POINTER))]);
    const list: (bigint | null)[] = [null];
    check((getFunctionList as Call)(list), 'C_GetFunctionList');
    // CK_VERSION and its padding come first, then one pointer for each function.
    const entries = Object.entries(FUNCTIONS).map(([name, [place, args]]) => {
      const pointer: unknown = koffi.decode(list[0], 8 + 8 * place, POINTER);
      return [name, koffi.decode(pointer, koffi.proto(ULONG, [...args])) as Call] as const;
    });
    const functions = Object.fromEntries(entries) as Functions;
    loaded.set(module, functions);
    return functions;
  } catch (cause) {
    if (cause instanceof SystemError) throw cause;
    throw new SystemError(
      'unavailable',
      'PKCS11_MODULE_MISSING',
      `The PKCS #11 library ${module} cannot be loaded (${messageOf(cause)}); check SEALDISK_PKCS11_MODULE.`,
      { cause },
    );
  }
}

function findSlot(functions: Functions, token: string): bigint {
  const count = ulong(SLOTS_MAX);
  const slots = Buffer.alloc(8 * SLOTS_MAX);
  check(functions.C_GetSlotList(1, slots, count), 'C_GetSlotList');
  for (let index = 0; index < readUlong(count); index++) {
    const slot = slots.readBigUInt64LE(8 * index);
    const info = Buffer.alloc(256);
    // The label comes first: 32 bytes, filled up with spaces.
    if (functions.C_GetTokenInfo(slot, info) === CKR_OK && info.toString('utf8', 0, 32).trimEnd() === token)
      return slot;
  }
  throw new SystemError(
    'unavailable',
    'PKCS11_TOKEN_MISSING',
    `There is no token ${JSON.stringify(token)}; connect it, or check SEALDISK_PKCS11_TOKEN.`,
  );
}

function openSession(functions: Functions, slot: bigint): bigint {
  const session = ulong(0);
  check(functions.C_OpenSession(slot, CKF_SERIAL_SESSION, null, null, session), 'C_OpenSession');
  return session.readBigUInt64LE();
}

function findKey(functions: Functions, session: bigint, { token, key }: TokenKeyName): bigint {
  const values = [ulong(CKO_SECRET_KEY), ulong(CKK_AES), Buffer.from(key)] as const;
  // Three CK_ATTRIBUTE of 24 bytes, then what they point to.
  const template = withPointers(72, values, ([keyClass, keyType, label]) => [
    [CKA_CLASS, keyClass, 8],
    [CKA_KEY_TYPE, keyType, 8],
    [CKA_LABEL, label, Buffer.byteLength(key)],
  ]);
  check(functions.C_FindObjectsInit(session, template, values.length), 'C_FindObjectsInit');
  const [found, count] = [Buffer.alloc(16), ulong(0)];
  check(functions.C_FindObjects(session, found, 2, count), 'C_FindObjects');
  check(functions.C_FindObjectsFinal(session), 'C_FindObjectsFinal');
  if (readUlong(count) === 1) return found.readBigUInt64LE();
  throw new SystemError(
    'denied',
    'PKCS11_KEY_MISSING',
    `The token ${JSON.stringify(token)} has ${readUlong(count) === 0 ? 'no' : 'more than one'} AES key labelled ${JSON.stringify(key)}; ` +
      `make one with pkcs11-tool --login --keygen --key-type AES:32 --label ${JSON.stringify(key)}, or check SEALDISK_PKCS11_KEY.`,
  );
}

class Pkcs11Key implements TokenKey {
  readonly #functions: Functions;
  readonly #session: bigint;
  readonly #key: bigint;

  constructor(functions: Functions, session: bigint, key: bigint) {
    this.#functions = functions;
    this.#session = session;
    this.#key = key;
  }

  seal(iv: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const { C_EncryptInit, C_Encrypt } = this.#functions;
    this.#begin(C_EncryptInit, 'C_EncryptInit', iv, aad);
    const sealed = Buffer.alloc(plaintext.length + TAG_SIZE_BYTES);
    const length = ulong(sealed.length);
    check(C_Encrypt(this.#session, plaintext, plaintext.length, sealed, length), 'C_Encrypt');
    return sealed.subarray(0, readUlong(length));
  }

  open(iv: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array {
    const { C_DecryptInit, C_Decrypt } = this.#functions;
    this.#begin(C_DecryptInit, 'C_DecryptInit', iv, aad);
    // Some libraries want room for the tag too.
    const room = wipeableBytes(sealed.length);
    const length = ulong(room.length);
    const answer = C_Decrypt(this.#session, sealed, sealed.length, room, length);
    // SoftHSM answers CKR_GENERAL_ERROR for a tag that does not fit.
    if (answer === 0x5) throw failed(0x40, 'C_Decrypt');
    check(answer, 'C_Decrypt');
    const plaintext = wipeableCopy(room.subarray(0, readUlong(length)));
    room.fill(0);
    return plaintext;
  }

  #begin(call: Call, name: string, iv: Uint8Array, aad: Uint8Array): void {
    // CK_MECHANISM of 24 bytes, CK_GCM_PARAMS of 48, then what they point to.
    const mechanism = withPointers(72, [iv, aad], ([ivAt, aadAt], start) => [
      [CKM_AES_GCM, start + 24n, 48],
      [ivAt, iv.length, iv.length * 8],
      [aadAt, aad.length, TAG_SIZE_BITS],
    ]);
    check(call(this.#session, mechanism, this.#key), name);
  }
}

function ulong(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

const readUlong = (bytes: Buffer): number => Number(bytes.readBigUInt64LE());

/**
 * A structure with pointers and what they point to in one piece of memory, which lives as long as the call that gets it.
 * @param fields the 64-bit fields of the structure, given the addresses of `values` and its own.
 */
function withPointers(
  sizeBytes: number,
  values: readonly Uint8Array[],
  fields: (addresses: readonly bigint[], start: bigint) => readonly (readonly (number | bigint | undefined)[])[],
): Buffer {
  const memory = Buffer.alloc(values.reduce((sum, { length }) => sum + length, sizeBytes));
  const start = koffi.address(memory);
  let at = sizeBytes;
  const addresses = values.map((value) => {
    memory.set(value, at);
    at += value.length;
    return start + BigInt(at - value.length);
  });
  for (const [index, field] of fields(addresses, start).flat().entries())
    memory.writeBigUInt64LE(BigInt(field ?? 0), index * 8);
  return memory;
}

function check(answer: number, call: string): void {
  if (answer !== CKR_OK) throw failed(answer, call);
}

function failed(answer: number, call: string): SystemError {
  const [kind, meaning] = MEANINGS[answer] ?? (['unavailable', 'it did not work'] as const);
  const hint = kind === 'denied' ? '; mend that, then run sealdisk unseal' : '';
  return new SystemError(
    kind,
    kind === 'corrupt' ? 'SEALED_BYTES_DAMAGED' : kind === 'denied' ? 'PKCS11_REFUSED' : 'PKCS11_UNAVAILABLE',
    `The token answers that ${meaning} (${call}: 0x${answer.toString(16)})${hint}.`,
  );
}
