import type { Key } from '../metadata/keys.ts';
import { KEY_SPECS } from './key-specs.ts';

/** The columns of a key that say whether and when it is rotated; undefined: it is not. */
export function rotationPolicy(
  intervalS: number | undefined,
  lastRotationMs: number,
): Pick<Key, 'automaticRotation' | 'rotationIntervalS' | 'nextRotationMs'> {
  if (intervalS === undefined) return { automaticRotation: false, rotationIntervalS: null, nextRotationMs: null };
  return {
    automaticRotation: true,
    rotationIntervalS: intervalS,
    nextRotationMs: lastRotationMs + intervalS * 1000,
  };
}

/** Which further versions a key can get: by the clock, by hand, or none. Source: facts.md 2.6. */
export function versioningOf(key: Pick<Key, 'keySpec' | 'keyUsage' | 'origin'>): 'automatic' | 'manual' | 'none' {
  if (key.origin === 'EXTERNAL' || key.keyUsage.endsWith('MAC')) return 'none';
  return KEY_SPECS[key.keySpec].blobSuite === undefined ? 'manual' : 'automatic';
}
