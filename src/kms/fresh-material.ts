import type { Random } from '../base/random.ts';
import type { Key } from '../metadata/keys.ts';
import { generateMaterial } from './key-specs.ts';
import type { KeyStore } from './key-store.ts';

/**
 * Makes the material of a new version of `key` and stores it, durably when this resolves. The caller adds the row
 * afterwards, or destroys the file again: a row never leads to nothing.
 */
export async function storeFreshMaterial(
  store: KeyStore,
  random: Random,
  key: Key,
  { keyVersionId, createdMs }: { readonly keyVersionId: string; readonly createdMs: number },
): Promise<void> {
  const { keyId, accountId, regionId, keySpec, keyUsage } = key;
  const material = await generateMaterial(keySpec, random);
  try {
    await store.write({ keyVersionId, keyId, accountId, regionId, keySpec, keyUsage, createdMs }, material);
  } finally {
    material.fill(0);
  }
}
