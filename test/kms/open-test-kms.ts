import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Clock } from '../../src/base/clock.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { systemRandom } from '../../src/base/system-random.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import type { KeyUse } from '../../src/kms/data-keys.ts';
import type { EvaluateServiceRole } from '../../src/kms/key-roles.ts';
import { openKms } from '../../src/kms/kms.ts';
import type { Kms } from '../../src/kms/kms.ts';
import type { NewKey } from '../../src/kms/keys.ts';
import type { Scope } from '../../src/kms/scope.ts';
import { compileKeyPolicy, isSharedWith } from '../../src/ram/policy/key-policy.ts';
import { insertAccount } from '../../src/metadata/accounts.ts';
import { Database } from '../../src/metadata/database.ts';
import type { Key, KeySpec } from '../../src/metadata/keys.ts';
import type { Sealer } from '../../src/metadata/sealer.ts';
import type { RootOfTrust } from '../../src/root/root-of-trust.ts';
import { openTestTrust } from '../root/open-test-trust.ts';

export const SCOPE: Scope = { accountId: '1000000000000001', regionId: 'cn-hangzhou' };
export const OTHER_REGION: Scope = { accountId: '1000000000000001', regionId: 'cn-beijing' };
export const OTHER_ACCOUNT: Scope = { accountId: '1000000000000002', regionId: 'cn-hangzhou' };
export const DAY_MS = 24 * 60 * 60 * 1000;

export interface TestKms extends Kms, AsyncDisposable {
  readonly directory: string;
  /** The one that is open now. */
  readonly database: Database;
  readonly clock: Clock;
  readonly sealer: Sealer;
  /** What was said to be destroyed, call by call. */
  readonly destroyed: (readonly string[])[];
  readonly trust: RootOfTrust;
  /** Moves the clock. */
  advance(ms: number): void;
  /** What the disk role answers from now on, for each permission asked for. */
  role: { verdict: 'role-missing' | 'not-trusted' | 'exists'; allowed: (action: string, resource: string) => boolean };
  /** `action resource` of everything that the role was asked. */
  readonly asked: string[];
  /** Which role was asked, and for whom, question by question. */
  readonly roles: { readonly accountId: string; readonly roleName: string; readonly service: string }[];
  /** Uses of keys by the system that were put on record, and the error that recording ends with when a test sets one. */
  readonly uses: { readonly recorded: KeyUse[]; failure?: Error };
  makeKey(keySpec?: KeySpec, scope?: Scope): Promise<Key>;
  /** Another engine over the same directory and database, as after a restart. */
  reopen(): Promise<Kms>;
  /** Lets a test put another file in the place of the database; `reopen` opens that. */
  closeDatabase(): Promise<void>;
}

/** The real engine over a real SQLite database in a directory of its own; only the clock and the role are stood in for. */
export async function openTestKms(options: { readonly open?: boolean } = {}): Promise<TestKms> {
  const directory = await mkdtemp(path.join(tmpdir(), 'sealdisk-kms-'));
  const ciphers = nodeCipherBackend();
  const trust = await openTestTrust(directory);
  const { keyring } = trust;
  const sealer = keyring.sealer('keys');
  const openDatabase = (): Promise<Database> =>
    Database.open({ file: path.join(directory, 'metadata.db'), rowKeys: keyring.rowKeys });
  let database: Database | undefined = await openDatabase();
  const destroyed: (readonly string[])[] = [];
  let offsetMs = 0;
  const clock: Clock = { ...systemClock, nowMs: () => Date.UTC(2026, 10, 23) + offsetMs };
  const role: TestKms['role'] = { verdict: 'exists', allowed: () => true };
  const asked: string[] = [];
  const roles: TestKms['roles'] = [];
  const evaluateServiceRole: EvaluateServiceRole = async ({ accountId, roleName, service, accesses }) => {
    roles.push({ accountId, roleName, service });
    asked.push(...accesses.map(({ action, resource }) => `${action} ${resource}`));
    if (role.verdict !== 'exists') return role.verdict;
    const denied = accesses.find(({ action, resource }) => !role.allowed(action, resource));
    return denied === undefined ? 'allowed' : { denied };
  };
  const uses: TestKms['uses'] = { recorded: [] };
  const reopen = async (): Promise<Kms> =>
    openKms({
      dataDirectory: directory,
      database: (database ??= await openDatabase()),
      sealers: { keys: sealer, disks: keyring.sealer('disks'), rows: keyring.sealer('rows') },
      ciphers,
      clock,
      random: systemRandom,
      evaluateServiceRole,
      isSharedWith: (policy, accountId) => isSharedWith(compileKeyPolicy(policy), accountId),
      afterDestruction: async (keyIds) => void destroyed.push(keyIds),
      recordKeyUse: async (use) => {
        if (uses.failure !== undefined) throw uses.failure;
        uses.recorded.push(use);
      },
    });
  const kms = await reopen();
  await database.transact(async (transaction) => {
    for (const { accountId, regionId } of [SCOPE, OTHER_ACCOUNT])
      await insertAccount(transaction, { accountId, regionId, createdMs: 0 });
  });
  if (options.open !== false) for (const scope of [SCOPE, OTHER_REGION, OTHER_ACCOUNT]) await kms.service.open(scope);
  return {
    ...kms,
    directory,
    get database() {
      assert.ok(database, 'the database is closed');
      return database;
    },
    clock,
    sealer,
    destroyed,
    closeDatabase: async () => {
      await database?.[Symbol.asyncDispose]();
      database = undefined;
    },
    trust,
    role,
    asked,
    roles,
    uses,
    reopen,
    advance: (ms) => void (offsetMs += ms),
    makeKey: (keySpec = 'Aliyun_AES_256', scope = SCOPE) => kms.keys.create(scope, newKey(scope, keySpec)),
    [Symbol.asyncDispose]: async () => {
      await database?.[Symbol.asyncDispose]();
      trust[Symbol.dispose]();
      await rm(directory, { recursive: true });
    },
  };
}

export function newKey(scope: Scope, keySpec: KeySpec): NewKey {
  return {
    keySpec,
    keyUsage: 'ENCRYPT/DECRYPT',
    description: '',
    creator: scope.accountId,
    creatorType: 'User',
    tags: [],
  };
}

/** Compares contents, whichever class of byte array holds them. */
export function assertSameBytes(actual: Uint8Array, expected: Uint8Array): void {
  assert.equal(Buffer.from(actual).toString('hex'), Buffer.from(expected).toString('hex'));
}
