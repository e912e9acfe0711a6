import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { CipherBackend } from '../crypto/aead.ts';
import type { Database } from '../metadata/database.ts';
import type { Sealer } from '../metadata/sealer.ts';
import { Aliases } from './aliases.ts';
import { DiskKeys } from './data-keys.ts';
import type { EvaluateServiceRole } from './data-keys.ts';
import { Envelope } from './envelope.ts';
import { KeyStore } from './key-store.ts';
import { Keys } from './keys.ts';
import { KmsService } from './kms-service.ts';
import { ServiceKeys } from './service-key.ts';

/** The key engine, put together. */
export interface Kms {
  readonly service: KmsService;
  readonly keys: Keys;
  readonly aliases: Aliases;
  readonly serviceKeys: ServiceKeys;
  readonly envelope: Envelope;
  readonly diskKeys: DiskKeys;
}

export interface KmsParts {
  readonly dataDirectory: string;
  readonly database: Database;
  readonly sealer: Sealer;
  readonly ciphers: CipherBackend;
  readonly clock: Clock;
  readonly random: Random;
  readonly evaluateServiceRole: EvaluateServiceRole;
}

/** `keys.destroyExpired()` is left to the caller, to run now and then. */
export async function openKms(parts: KmsParts): Promise<Kms> {
  const { database, sealer, ciphers, clock, random, evaluateServiceRole } = parts;
  const store = await KeyStore.open(parts.dataDirectory, sealer);
  const service = new KmsService(database, clock);
  const keys = new Keys(database, store, clock, random);
  const serviceKeys = new ServiceKeys(database, keys, clock);
  const envelope = new Envelope(database, store, keys, ciphers, random);
  const diskKeys = new DiskKeys({ service, keys, serviceKeys, envelope, sealer, clock, random, evaluateServiceRole });
  return { service, keys, aliases: new Aliases(database, keys, clock), serviceKeys, envelope, diskKeys };
}
