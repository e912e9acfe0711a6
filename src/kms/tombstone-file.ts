// What stays of a destroyed key in `DIR/destroyed-keys/`, before sealing. PURE. Layout: docs/formats/key-file.md.
//
//   0   1  version, 1
//   1   n  JSON, UTF-8
import { SystemError } from '../base/errors.ts';
import type { DestroyedKey } from '../metadata/destroyed-keys.ts';

const VERSION = 1;

export function encodeTombstone(key: DestroyedKey): Uint8Array {
  const { keyId, accountId, regionId, keyVersionIds, destroyedMs } = key;
  const json = JSON.stringify({ keyId, accountId, regionId, keyVersionIds, destroyedMs });
  return Buffer.concat([Buffer.of(VERSION), Buffer.from(json, 'utf8')]);
}

/** @throws {SystemError} kind `corrupt`, code `TOMBSTONE_DAMAGED`: authentic, but not what `encodeTombstone` makes. */
export function decodeTombstone(content: Uint8Array): DestroyedKey {
  try {
    const key: unknown = content[0] === VERSION ? JSON.parse(Buffer.from(content.subarray(1)).toString('utf8')) : null;
    if (isDestroyedKey(key)) return key;
  } catch {
    // Not JSON: the same refusal as for JSON of another shape.
  }
  throw new SystemError('corrupt', 'TOMBSTONE_DAMAGED', 'The record of a destroyed key is of an unknown form.');
}

function isDestroyedKey(value: unknown): value is DestroyedKey {
  if (typeof value !== 'object' || value === null) return false;
  const key = value as Readonly<Record<string, unknown>>;
  const texts = [key['keyId'], key['accountId'], key['regionId']];
  const versions = key['keyVersionIds'];
  return (
    texts.every((text) => typeof text === 'string') &&
    Array.isArray(versions) &&
    versions.every((id) => typeof id === 'string') &&
    Number.isSafeInteger(key['destroyedMs'])
  );
}
