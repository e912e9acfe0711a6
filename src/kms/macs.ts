import { equalInConstantTime } from '../crypto/constant-time.ts';
import { mac } from '../crypto/mac.ts';
import type { MacAlgorithm } from '../crypto/mac.ts';
import type { Key } from '../metadata/keys.ts';
import { KEY_SPECS } from './key-specs.ts';
import { kmsRefusal, requireState } from './refusals.ts';
import type { VersionMaterial } from './version-material.ts';

/**
 * Message authentication codes under HMAC keys; such keys have one version.
 * Both methods throw {SystemError} a StateRefusal, `KEY_SPEC_UNSUITABLE`, `ALGORITHM_UNSUITABLE`.
 */
export class Macs {
  readonly #material: VersionMaterial;

  constructor(material: VersionMaterial) {
    this.#material = material;
  }

  generate(key: Key, algorithm: MacAlgorithm, message: Uint8Array): Promise<Uint8Array> {
    return this.#compute('GenerateMac', key, algorithm, message);
  }

  async verify(key: Key, algorithm: MacAlgorithm, message: Uint8Array, claimed: Uint8Array): Promise<boolean> {
    return equalInConstantTime(await this.#compute('VerifyMac', key, algorithm, message), claimed);
  }

  async #compute(
    operation: 'GenerateMac' | 'VerifyMac',
    key: Key,
    algorithm: MacAlgorithm,
    message: Uint8Array,
  ): Promise<Uint8Array> {
    requireState(operation, key);
    const { mac: own } = KEY_SPECS[key.keySpec];
    if (own === undefined)
      throw kmsRefusal('KEY_SPEC_UNSUITABLE', `Key ${key.keyId} is ${key.keySpec}; ${operation} needs an HMAC key.`);
    if (own !== algorithm)
      throw kmsRefusal('ALGORITHM_UNSUITABLE', `A key of ${key.keySpec} takes the algorithm ${own}.`);
    using secret = await this.#material.open(operation, key, key.primaryVersionId);
    return mac(algorithm, secret.reveal(), message);
  }
}
