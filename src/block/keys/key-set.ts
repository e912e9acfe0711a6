import { assert } from '../../base/assert.ts';
import { hkdfSha256 } from '../../crypto/kdf.ts';
import { DERIVED_KEY_SIZE_BYTES, OLDER_KEYS } from '../format/key-records.ts';
import type { MacPurpose } from '../format/record-macs.ts';

const NO_SALT = new Uint8Array(0);

export type DerivedKey = MacPurpose | 'epoch-wrap-root';
const ALL_KEYS: readonly DerivedKey[] = ['head', ...OLDER_KEYS];

/** What is derived from one data key. Of an earlier data key, what is kept of that. */
export type KeySet = ReadonlyMap<DerivedKey, Uint8Array>;

/** No key at all: what is left after a wipe. */
export const NO_KEYS: KeySet = new Map();

export function deriveKeys(dataKey: Uint8Array): KeySet {
  return new Map(
    ALL_KEYS.map((name) => [name, hkdfSha256(dataKey, NO_SALT, `sealdisk/v1/${name}`, DERIVED_KEY_SIZE_BYTES)]),
  );
}

export function keyOf(keys: KeySet, name: DerivedKey): Uint8Array {
  const key = keys.get(name);
  assert(key, 'keys are not used after their disposal');
  return key;
}

/** With bytes of its own, so that either can be wiped alone. */
export function copyKeys(keys: KeySet): KeySet {
  return new Map([...keys].map(([name, key]) => [name, key.slice()]));
}

export function wipeKeys(keys: KeySet): void {
  for (const key of keys.values()) key.fill(0);
}
