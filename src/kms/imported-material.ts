import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { KeyedMutex } from '../base/mutex.ts';
import type { Random } from '../base/random.ts';
import type { KeyPairBackend, WrappingAlgorithm } from '../crypto/asymmetric.ts';
import { generatePrivateKey } from '../crypto/key-pair.ts';
import type { Database } from '../metadata/database.ts';
import { findKey, listKeysWithoutLastingMaterial, nextMaterialExpiryMs, updateKey } from '../metadata/keys.ts';
import type { Key } from '../metadata/keys.ts';
import type { Reader } from '../metadata/reader.ts';
import type { Sealer } from '../metadata/sealer.ts';
import { openImportToken, sealImportToken } from './import-token.ts';
import { KEY_SPECS } from './key-specs.ts';
import { stateAt } from './key-states.ts';
import type { KeyOperation } from './key-states.ts';
import type { KeyStore } from './key-store.ts';
import { keyNotFound } from './keys.ts';
import type { Keys } from './keys.ts';
import { fitsMaterialCheck, makeMaterialCheck } from './material-check.ts';
import { kmsRefusal, requireState } from './refusals.ts';
import type { Scope } from './scope.ts';

/** Source: facts.md 2.7. */
const TOKEN_LIFE_MS = 24 * 60 * 60 * 1000;

export interface ImportParameters {
  readonly keyId: string;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  readonly token: Uint8Array;
  readonly expiresMs: number;
}

export interface ImportRequest {
  readonly keyReference: string;
  readonly token: Uint8Array;
  readonly wrapped: Uint8Array;
  /** When the material is to expire; null for never. */
  readonly expireMs: number | null;
}

interface OpenedMaterial {
  readonly material: Uint8Array;
  /** False: `material` is not what was wrapped. */
  readonly isGenuine: boolean;
}

export interface ImportedMaterialParts {
  readonly database: Database;
  readonly store: KeyStore;
  readonly keys: Keys;
  readonly keyPairs: KeyPairBackend;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Key material that comes from outside, goes, and comes back. The first one binds the key: no other is ever taken.
 * Source: facts.md 2.7.
 */
export class ImportedMaterial {
  readonly #parts: ImportedMaterialParts;
  /** One change of a key's material at a time: its file and its row belong together. */
  readonly #changing = new KeyedMutex();

  constructor(parts: ImportedMaterialParts) {
    this.#parts = parts;
  }

  /**
   * A wrapping key of its own for every call, whose private half only the token holds.
   * @throws {SystemError} codes `ORIGIN_UNSUPPORTED`, `SERVICE_KEY_FIXED`, and those of finding the key.
   */
  async parameters(scope: Scope, keyReference: string, algorithm: WrappingAlgorithm): Promise<ImportParameters> {
    const { keyPairs, sealer, clock } = this.#parts;
    const { keyId } = await this.#find('GetParametersForImport', scope, keyReference);
    const privateKey = await generatePrivateKey(algorithm === 'SM2PKE' ? 'EC_SM2' : 'RSA_2048');
    try {
      using pair = keyPairs.openPrivate(privateKey);
      const expiresMs = clock.nowMs() + TOKEN_LIFE_MS;
      const token = sealImportToken(sealer, keyId, { algorithm, expiresMs, privateKey });
      return { keyId, publicKey: pair.publicKeyDer(), token, expiresMs };
    } finally {
      privateKey.fill(0);
    }
  }

  /**
   * Durable when it resolves; a refusal changes nothing.
   * @throws {SystemError} codes `IMPORT_TOKEN_REFUSED`, `IMPORT_TOKEN_EXPIRED`, `EXPIRY_PAST`, `MATERIAL_REFUSED`, a
   *   StateRefusal, and those of `parameters`.
   */
  async import(scope: Scope, request: ImportRequest): Promise<void> {
    const { clock } = this.#parts;
    const key = await this.#find('ImportKeyMaterial', scope, request.keyReference);
    if (request.expireMs !== null && request.expireMs <= clock.nowMs())
      throw kmsRefusal(
        'EXPIRY_PAST',
        'The material would have expired already; choose a time to come, or 0 for never.',
      );
    const opened = this.#open(key, request);
    try {
      await this.#changing.run(key.keyId, () => this.#bind(key.keyId, opened, request.expireMs));
    } finally {
      opened.material.fill(0);
    }
  }

  /** Without material nothing changes. @throws {SystemError} as `parameters`. */
  async delete(scope: Scope, keyReference: string): Promise<void> {
    const { keyId } = await this.#find('DeleteKeyMaterial', scope, keyReference);
    await this.#changing.run(keyId, () => this.#remove(keyId, () => true));
  }

  /**
   * Destroys material whose time is over, and what a crash left of material that was deleted; what one left of a first
   * import stays for the next import, since after an old database was put back it looks the same. A key is in `PendingImport`
   * from its time on even before that (key-states.ts, `stateAt`). Answers when the next one is due.
   */
  async expireDue(): Promise<number | undefined> {
    const { database, clock } = this.#parts;
    for (const { keyId } of await listKeysWithoutLastingMaterial(database.read, clock.nowMs())) {
      // Meanwhile it may have been imported again, for longer.
      const isOver = (key: Key): boolean => key.materialImportedMs === null || expired(key, clock.nowMs());
      await this.#changing.run(keyId, () => this.#remove(keyId, isOver));
    }
    return nextMaterialExpiryMs(database.read);
  }

  async #find(operation: KeyOperation, scope: Scope, keyReference: string): Promise<Key> {
    const key = await this.#parts.keys.find(scope, keyReference, { alias: 'refused' });
    // Source: decisions.md B10.
    if (key.creatorType === 'Service')
      throw kmsRefusal('SERVICE_KEY_FIXED', 'The service key stays as it is: its material cannot be changed.');
    if (key.origin !== 'EXTERNAL')
      throw kmsRefusal(
        'ORIGIN_UNSUPPORTED',
        `The material of key ${key.keyId} was not imported: its Origin is not EXTERNAL.`,
      );
    requireState(operation, key);
    return key;
  }

  /**
   * What does not unwrap is random from here on, and is refused where other material than the first one is: whoever tries
   * out blocks learns nothing, neither from the answer nor from the time that it takes. Source: RFC 5246 section 7.4.7.1.
   */
  #open(key: Key, { token: sealed, wrapped }: ImportRequest): OpenedMaterial {
    const { sealer, keyPairs, clock, random } = this.#parts;
    const token = openImportToken(sealer, key.keyId, sealed);
    if (token === undefined)
      throw kmsRefusal('IMPORT_TOKEN_REFUSED', 'The import token is not one of this key; call GetParametersForImport.');
    using secret = token.privateKey;
    if (token.expiresMs <= clock.nowMs())
      throw kmsRefusal('IMPORT_TOKEN_EXPIRED', 'The import token has expired; call GetParametersForImport again.');
    using pair = keyPairs.openPrivate(secret.reveal());
    const { materialSizeBytes } = KEY_SPECS[key.keySpec];
    assert(materialSizeBytes !== undefined, 'only symmetric keys are importable');
    const instead = random.bytes(materialSizeBytes);
    const material = pair.unwrap(token.algorithm, wrapped, materialSizeBytes);
    return { isGenuine: material !== undefined, material: material ?? instead };
  }

  /** The file first, then the row that makes it count: after a crash between them there was no import. */
  async #bind(keyId: string, { material, isGenuine }: OpenedMaterial, expireMs: number | null): Promise<void> {
    const { database, store, clock, random } = this.#parts;
    const before = await this.#current(database.read, keyId);
    const { primaryVersionId: keyVersionId, materialCheck } = before;
    const isSame = materialCheck === null || fitsMaterialCheck(materialCheck, keyVersionId, material);
    if (!isSame || !isGenuine) throw materialRefused();
    const check = materialCheck ?? makeMaterialCheck(random, keyVersionId, material);
    const isNew = before.materialImportedMs === null;
    if (isNew) {
      const { accountId, regionId, keySpec, keyUsage, createdMs } = before;
      await store.destroy(keyVersionId);
      await store.write({ keyVersionId, keyId, accountId, regionId, keySpec, keyUsage, createdMs }, material);
    }
    try {
      await database.transact(async (transaction) => {
        const nowMs = clock.nowMs();
        const now = await this.#current(transaction, keyId);
        requireState('ImportKeyMaterial', now);
        const keyState = stateAt(now, nowMs) === 'PendingImport' ? 'Enabled' : now.keyState;
        const changes = { keyState, materialImportedMs: nowMs, materialExpireMs: expireMs, materialCheck: check };
        await updateKey(transaction, keyId, changes);
      });
    } catch (error) {
      if (isNew) await store.destroy(keyVersionId);
      throw error;
    }
  }

  /** The row first, then the file: a key that counts as usable always has its material. */
  async #remove(keyId: string, isMeant: (key: Key) => boolean): Promise<void> {
    const { database, store } = this.#parts;
    const keyVersionId = await database.transact(async (transaction) => {
      const key = await findKey(transaction, keyId);
      if (key === undefined || !isMeant(key)) return undefined;
      if (key.materialImportedMs !== null) {
        const keyState = key.keyState === 'PendingDeletion' ? key.keyState : 'PendingImport';
        await updateKey(transaction, keyId, { keyState, materialImportedMs: null, materialExpireMs: null });
      }
      return key.primaryVersionId;
    });
    if (keyVersionId !== undefined) await store.destroy(keyVersionId);
  }

  async #current(reader: Reader, keyId: string): Promise<Key> {
    const key = await findKey(reader, keyId);
    if (key === undefined) throw keyNotFound();
    return key;
  }
}

function expired(key: Key, nowMs: number): boolean {
  return key.materialExpireMs !== null && key.materialExpireMs <= nowMs;
}

function materialRefused(): Error {
  return kmsRefusal(
    'MATERIAL_REFUSED',
    'The wrapped bytes are no material that this key takes: it must have the size of its spec, be wrapped with the public key of the token, and be the same as the first time.',
  );
}
