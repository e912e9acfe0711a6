import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { CipherBackend } from '../crypto/aead.ts';
import { loadOpenssl } from '../crypto/openssl.ts';
import type { Database } from '../metadata/database.ts';
import type { Sealer } from '../metadata/sealer.ts';
import { Aliases } from './aliases.ts';
import { DiskKeys } from './data-keys.ts';
import type { RecordKeyUse } from './data-keys.ts';
import { Envelope } from './envelope.ts';
import { ImportedMaterial } from './imported-material.ts';
import { KeyDestruction } from './key-destruction.ts';
import type { KeyDestructionParts, ReturnedKeys } from './key-destruction.ts';
import type { EvaluateServiceRole } from './key-roles.ts';
import { KeyPairs } from './key-pairs.ts';
import { KeyStore } from './key-store.ts';
import { KeyTags } from './key-tags.ts';
import { KeyVersions } from './key-versions.ts';
import { Keys } from './keys.ts';
import type { IsSharedWith } from './keys.ts';
import { KmsService } from './kms-service.ts';
import { Macs } from './macs.ts';
import { ServiceKeys } from './service-key.ts';
import { Tombstones } from './tombstones.ts';
import { VersionMaterial } from './version-material.ts';

/** The key engine, put together. */
export interface Kms {
  readonly store: KeyStore;
  readonly tombstones: Tombstones;
  readonly service: KmsService;
  readonly keys: Keys;
  readonly versions: KeyVersions;
  readonly tags: KeyTags;
  readonly destruction: KeyDestruction;
  /** What destroyed keys had come back with old copies of files or of the database. */
  readonly returned: ReturnedKeys;
  readonly aliases: Aliases;
  readonly serviceKeys: ServiceKeys;
  readonly envelope: Envelope;
  readonly keyPairs: KeyPairs;
  readonly macs: Macs;
  readonly importedMaterial: ImportedMaterial;
  readonly diskKeys: DiskKeys;
}

export interface KmsParts {
  readonly dataDirectory: string;
  readonly database: Database;
  /** For key files and tombstones, for the data keys of unencrypted disks, and for what clients carry for a day. */
  readonly sealers: { readonly keys: Sealer; readonly disks: Sealer; readonly rows: Sealer };
  readonly ciphers: CipherBackend;
  readonly clock: Clock;
  readonly random: Random;
  readonly evaluateServiceRole: EvaluateServiceRole;
  readonly isSharedWith: IsSharedWith;
  readonly afterDestruction?: KeyDestructionParts['afterDestruction'];
  readonly recordKeyUse: RecordKeyUse;
}

/**
 * `destruction.destroyDue()`, `versions.rotateDue()` and `importedMaterial.expireDue()` are left to the caller, to run when
 * they are due.
 */
export async function openKms(parts: KmsParts): Promise<Kms> {
  const { database, sealers, ciphers, clock, random, evaluateServiceRole, recordKeyUse } = parts;
  const store = await KeyStore.open(parts.dataDirectory, sealers.keys);
  const service = new KmsService(database, clock);
  const tombstones = await Tombstones.open(parts.dataDirectory, sealers.keys);
  const destruction = new KeyDestruction({
    database,
    store,
    tombstones,
    clock,
    afterDestruction: parts.afterDestruction,
  });
  const returned = await destruction.obeyTombstones();
  const keys = new Keys(database, store, clock, random, parts.isSharedWith);
  const versions = new KeyVersions(database, store, keys, clock, random);
  const serviceKeys = new ServiceKeys(database, keys, clock);
  const material = new VersionMaterial(database, store, clock);
  const envelope = new Envelope(database, material, keys, ciphers, random);
  const roles = { evaluateServiceRole, recordKeyUse };
  const sealer = sealers.disks;
  const diskKeys = new DiskKeys({ service, keys, serviceKeys, envelope, sealer, clock, random, ...roles });
  const openssl = loadOpenssl();
  const importedMaterial = new ImportedMaterial({
    database,
    store,
    keys,
    keyPairs: openssl,
    sealer: sealers.rows,
    clock,
    random,
  });
  return {
    store,
    tombstones,
    service,
    keys,
    versions,
    tags: new KeyTags(database, keys),
    destruction,
    returned,
    aliases: new Aliases(database, keys, clock),
    serviceKeys,
    envelope,
    keyPairs: new KeyPairs(material, openssl),
    macs: new Macs(material),
    importedMaterial,
    diskKeys,
  };
}
