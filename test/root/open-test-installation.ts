import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { Clock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { systemRandom } from '../../src/base/system-random.ts';
import type { Kms } from '../../src/kms/kms.ts';
import { openKms } from '../../src/kms/kms.ts';
import { insertAccount } from '../../src/metadata/accounts.ts';
import { findAccount } from '../../src/metadata/accounts.ts';
import { Database } from '../../src/metadata/database.ts';
import { createAccessKey } from '../../src/ram/accounts.ts';
import type { NewAccessKey } from '../../src/ram/accounts.ts';
import { StoredCredentials } from '../../src/ram/credentials.ts';
import { Resealing } from '../../src/root/resealing.ts';
import { RootOfTrust } from '../../src/root/root-of-trust.ts';
import type { RootSettings } from '../../src/root/providers.ts';
import { newKey, SCOPE } from '../kms/open-test-kms.ts';
import { trustParts } from './open-test-trust.ts';

/** As the audit log has one. */
export const looseFile = (directory: string) => ({ path: path.join(directory, 'loose'), context: 'loose-file' });

export const PASSPHRASE = Buffer.from('correct horse battery');

/** Everything that hangs on the root key, over a directory that the caller owns: opened as a server does. */
export interface TestInstallation extends AsyncDisposable {
  readonly trust: RootOfTrust;
  readonly database: Database;
  readonly kms: Kms;
  readonly resealing: Resealing;
  readonly directory: string;
  readonly clock: Clock & { advance(ms: number): void };
  readonly createAccessKey: () => Promise<NewAccessKey>;
  /** The secret of an AccessKey, opened. */
  readonly secretOf: (accessKeyId: string) => Promise<string>;
}

export async function openTestInstallation(
  directory: string,
  options: { readonly settings?: Partial<RootSettings>; readonly passphrase?: Uint8Array } = {},
): Promise<TestInstallation> {
  await using stack = new AsyncDisposableStack();
  const parts = trustParts(directory, options.settings);
  const file = path.join(directory, 'metadata.db');
  const { passphrase } = options;
  const trust = stack.use(await RootOfTrust.open(parts, { databaseExists: existsSync(file), passphrase }));
  const { keyring } = trust;
  const database = stack.use(await Database.open({ file, rowKeys: keyring.rowKeys }));
  await trust.settle();
  let offsetMs = 0;
  const clock = {
    ...systemClock,
    nowMs: () => systemClock.nowMs() + offsetMs,
    advance: (ms: number) => void (offsetMs += ms),
  };
  const kms = await openKms({
    dataDirectory: directory,
    database,
    sealers: { keys: keyring.sealer('keys'), disks: keyring.sealer('disks'), rows: keyring.sealer('rows') },
    ciphers: parts.ciphers,
    clock,
    random: systemRandom,
    evaluateServiceRole: async () => 'allowed',
    recordKeyUse: async () => undefined,
    isSharedWith: () => false,
  });
  await database.transact(async (transaction) => {
    if ((await findAccount(transaction, SCOPE.accountId)) === undefined)
      await insertAccount(transaction, { ...SCOPE, createdMs: 1 });
  });
  const sealer = keyring.sealer('rows');
  const accounts = { database, sealer, clock, random: systemRandom };
  const owned = stack.move();
  return {
    directory,
    trust,
    database,
    kms,
    resealing: new Resealing({ trust, ...kms, database, files: [looseFile(directory)], log: silentLogger }),
    clock,
    createAccessKey: () => createAccessKey(accounts, SCOPE.accountId),
    secretOf: async (accessKeyId) => {
      const found = await new StoredCredentials(database.read, sealer).find(accessKeyId);
      return Buffer.from(found?.secret ?? []).toString();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** What has to be the same before and after whatever is done to the root of trust. */
export interface Inventory {
  readonly accessKeys: readonly NewAccessKey[];
  readonly plaintexts: readonly { readonly blob: Uint8Array; readonly plaintext: string }[];
  readonly plainDisk: { readonly wrapped: Uint8Array; readonly dataKey: string };
  readonly loose: string;
}

const CONTEXT = { purpose: 'test' };
const PLAIN_DISK = { diskId: 'd-1', suite: 'aes-256-gcm' } as const;

/** Some of everything that is sealed. */
export async function stock(
  { directory, trust, kms, createAccessKey }: TestInstallation,
  keyCount = 3,
): Promise<Inventory> {
  const accessKeys = [await createAccessKey(), await createAccessKey()];
  const plaintexts = [];
  for (let n = 0; n < keyCount; n++) {
    const key = await kms.keys.create(SCOPE, newKey(SCOPE, n === 0 ? 'Aliyun_SM4' : 'Aliyun_AES_256'));
    const { blob } = await kms.envelope.encrypt('Encrypt', key, CONTEXT, Buffer.from(`secret ${n}`));
    plaintexts.push({ blob, plaintext: `secret ${n}` });
  }
  const { path: loosePath, context } = looseFile(directory);
  writeFileSync(loosePath, trust.keyring.sealer('rows').seal(context, Buffer.from('loose')));
  const made = kms.diskKeys.generatePlain({ diskId: PLAIN_DISK.diskId });
  return {
    accessKeys,
    plaintexts,
    plainDisk: { wrapped: made.wrapped, dataKey: Buffer.from(made.plaintext).toString('hex') },
    loose: 'loose',
  };
}

/** Opens everything, and says what it found in the shape of what was stocked. */
export async function takeStock(installation: TestInstallation, inventory: Inventory): Promise<Inventory> {
  const { directory, trust, kms, secretOf } = installation;
  const { path: loosePath, context } = looseFile(directory);
  const loose = Buffer.from(trust.keyring.sealer('rows').open(context, readFileSync(loosePath))).toString();
  const accessKeys = [];
  for (const accessKey of inventory.accessKeys)
    accessKeys.push({ ...accessKey, accessKeySecret: await secretOf(accessKey.accessKeyId) });
  const plaintexts = [];
  for (const { blob } of inventory.plaintexts) {
    const { plaintext } = await kms.envelope.decrypt(SCOPE, CONTEXT, blob);
    plaintexts.push({ blob, plaintext: Buffer.from(plaintext).toString() });
  }
  const { wrapped } = inventory.plainDisk;
  const dataKey = Buffer.from(kms.diskKeys.openPlain({ ...PLAIN_DISK, wrapped })).toString('hex');
  return { accessKeys, plaintexts, plainDisk: { wrapped, dataKey }, loose };
}
