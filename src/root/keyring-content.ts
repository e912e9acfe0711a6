// What line 2 of the keyring holds. PURE. Layout: docs/formats/keyring.md, "Store keys".
//
//   0   1  version, 1
//   1   4  how many store keys there are, n (u32, big endian, like all integers here)
//   5  45 × n  of each: number (4), purpose (1), created (8, milliseconds since 1970), key (32)
import { SystemError } from '../base/errors.ts';
import { wipeableBytes, wipeableCopy } from '../base/wipeable-bytes.ts';
import { PURPOSES, STORE_KEY_SIZE_BYTES } from './keyring.ts';
import type { StoreKey } from './keyring.ts';

const VERSION = 1;
const HEADER_SIZE_BYTES = 5;
const ENTRY_SIZE_BYTES = 13 + STORE_KEY_SIZE_BYTES;

/** @returns bytes that hold the keys: wiped by the caller. */
export function encodeKeyring(storeKeys: readonly StoreKey[]): Uint8Array {
  const content = wipeableBytes(HEADER_SIZE_BYTES + ENTRY_SIZE_BYTES * storeKeys.length);
  const view = new DataView(content.buffer);
  content[0] = VERSION;
  view.setUint32(1, storeKeys.length);
  for (const [index, { number, purpose, createdMs, key }] of storeKeys.entries()) {
    const at = HEADER_SIZE_BYTES + ENTRY_SIZE_BYTES * index;
    view.setUint32(at, number);
    content[at + 4] = PURPOSES.indexOf(purpose) + 1;
    view.setBigUint64(at + 5, BigInt(createdMs));
    content.set(key, at + 13);
  }
  return content;
}

/**
 * @param content left to its owner; the keys are copies.
 * @throws {SystemError} kind `corrupt`, code `KEYRING_VERSION`: authentic, but not what this version writes.
 */
export function decodeKeyring(content: Uint8Array): StoreKey[] {
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  const count = content.length < HEADER_SIZE_BYTES || content[0] !== VERSION ? -1 : view.getUint32(1);
  if (count < 0 || content.length !== HEADER_SIZE_BYTES + ENTRY_SIZE_BYTES * count) throw unknown();
  return Array.from({ length: count }, (_, index) => {
    const at = HEADER_SIZE_BYTES + ENTRY_SIZE_BYTES * index;
    const purpose = PURPOSES[(content[at + 4] ?? 0) - 1];
    if (purpose === undefined) throw unknown();
    const key = wipeableCopy(content.subarray(at + 13, at + ENTRY_SIZE_BYTES));
    return { number: view.getUint32(at), purpose, createdMs: Number(view.getBigUint64(at + 5)), key };
  });
}

function unknown(): SystemError {
  return new SystemError(
    'corrupt',
    'KEYRING_VERSION',
    'The keyring is authentic but of a version that this Sealdisk does not know; start a newer one.',
  );
}
