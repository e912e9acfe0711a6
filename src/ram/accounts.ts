import type { Clock } from '../base/clock.ts';
import { SystemError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { findAccessKey, insertAccessKey } from '../metadata/access-keys.ts';
import { findAccount, insertAccount } from '../metadata/accounts.ts';
import type { Database, Transaction } from '../metadata/database.ts';
import { findSetting, putSetting } from '../metadata/settings.ts';
import type { Sealer } from '../metadata/sealer.ts';
import { secretContext } from './credentials.ts';
import { ALPHANUMERIC, randomText } from './random-text.ts';
import { isSessionKeyId } from './session-token.ts';

/** An AccessKey as it is shown once. */
export interface NewAccessKey {
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

/** An AccessKey that the operator chose. Each part: 8 to 128 of `[A-Za-z0-9._-]` (decisions.md section H, "Format"). */
export interface PresetAccessKey {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

export interface AccountParts {
  readonly database: Database;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly random: Random;
}

const PRESET = /^[A-Za-z0-9._-]{8,128}$/;
/** 20 random characters after the prefix: 119 bits. */
const ACCESS_KEY_ID_PREFIX = 'LTAI';
const ACCESS_KEY_ID_LENGTH = 24;
/** 30 characters: 178 bits. */
const SECRET_LENGTH = 30;

/** The setting that names the first account, once there is one. */
const FIRST_ACCOUNT = 'first-account';

export interface AccountOptions {
  readonly regionId: string;
  readonly preset?: PresetAccessKey | undefined;
}

/**
 * Makes an account with its first AccessKey, both or neither.
 * @throws {SystemError} kind `invalid`, code `ACCESS_KEY_FORM`; kind `conflict`, code `ACCESS_KEY_TAKEN`.
 */
export function createAccount(parts: AccountParts, options: AccountOptions): Promise<NewAccessKey> {
  if (options.preset !== undefined) checkPreset(options.preset);
  return parts.database.transact((transaction) => addAccount(parts, transaction, options));
}

/**
 * Makes the account of a server's first start, once, whatever other accounts there are. Answers undefined later on.
 * @param keep stores the AccessKey. Runs before the account counts, so a crash in between never leaves an account whose
 * secret nobody has: the next start makes another.
 * @throws {SystemError} as `createAccount`.
 */
export function createFirstAccount(
  parts: AccountParts,
  options: AccountOptions,
  keep: (account: NewAccessKey) => void,
): Promise<NewAccessKey | undefined> {
  if (options.preset !== undefined) checkPreset(options.preset);
  return parts.database.transact(async (transaction) => {
    if ((await findSetting(transaction, FIRST_ACCOUNT)) !== undefined) return undefined;
    const account = await addAccount(parts, transaction, options);
    await putSetting(transaction, FIRST_ACCOUNT, account.accountId);
    keep(account);
    return account;
  });
}

/**
 * A further AccessKey of the account itself, for when the credentials are lost.
 * @throws {SystemError} kind `not-found`, code `ACCOUNT_NOT_FOUND`.
 */
export function createAccessKey(parts: AccountParts, accountId: string): Promise<NewAccessKey> {
  return parts.database.transact(async (transaction) => {
    if ((await findAccount(transaction, accountId)) === undefined) {
      throw new SystemError('not-found', 'ACCOUNT_NOT_FOUND', `There is no account ${accountId}; check its 16 digits.`);
    }
    return await addAccessKey(parts, transaction, { accountId, userName: null }, freshAccessKey(parts.random));
  });
}

async function addAccount(
  parts: AccountParts,
  transaction: Transaction,
  { regionId, preset }: AccountOptions,
): Promise<NewAccessKey> {
  const accountId = await freshAccountId(parts, transaction);
  await insertAccount(transaction, { accountId, regionId, createdMs: parts.clock.nowMs() });
  return await addAccessKey(parts, transaction, { accountId, userName: null }, preset ?? freshAccessKey(parts.random));
}

/**
 * Adds an AccessKey of a user, or with null of the account itself.
 * @throws {SystemError} kind `conflict`, code `ACCESS_KEY_TAKEN`.
 */
export async function addAccessKey(
  parts: AccountParts,
  transaction: Transaction,
  { accountId, userName }: { readonly accountId: string; readonly userName: string | null },
  { accessKeyId, accessKeySecret }: PresetAccessKey,
): Promise<NewAccessKey> {
  if ((await findAccessKey(transaction, accessKeyId)) !== undefined) {
    throw new SystemError('conflict', 'ACCESS_KEY_TAKEN', `The AccessKey ${accessKeyId} exists; choose another id.`);
  }
  const secret = Buffer.from(accessKeySecret, 'utf8');
  await insertAccessKey(transaction, {
    accessKeyId,
    accountId,
    userName,
    secretSealed: parts.sealer.seal(secretContext(accessKeyId), secret),
    status: 'Active',
    createdMs: parts.clock.nowMs(),
  });
  secret.fill(0);
  return { accountId, accessKeyId, accessKeySecret };
}

function checkPreset(preset: PresetAccessKey): void {
  if (isSessionKeyId(preset.accessKeyId)) {
    throw new SystemError(
      'invalid',
      'ACCESS_KEY_FORM',
      'SEALDISK_ACCESS_KEY_ID looks like the id of a temporary AccessKey (STS.…); choose one that does not begin so.',
    );
  }
  for (const [name, value] of [
    ['SEALDISK_ACCESS_KEY_ID', preset.accessKeyId],
    ['SEALDISK_ACCESS_KEY_SECRET', preset.accessKeySecret],
  ] as const) {
    if (!PRESET.test(value)) {
      throw new SystemError(
        'invalid',
        'ACCESS_KEY_FORM',
        `${name} must have 8 to 128 characters out of letters, digits, '.', '_' and '-'.`,
      );
    }
  }
}

async function freshAccountId(parts: AccountParts, transaction: Transaction): Promise<string> {
  for (;;) {
    // 16 digits, the first 1 to 8: below 9e15, exact as a JavaScript number. Source: decisions.md E1.
    const accountId = randomText(parts.random, '12345678', 1) + randomText(parts.random, '0123456789', 15);
    if ((await findAccount(transaction, accountId)) === undefined) return accountId;
  }
}

/** An AccessKey that nobody chose. */
export function freshAccessKey(random: Random): PresetAccessKey {
  const suffix = randomText(random, ALPHANUMERIC, ACCESS_KEY_ID_LENGTH - ACCESS_KEY_ID_PREFIX.length);
  return {
    accessKeyId: ACCESS_KEY_ID_PREFIX + suffix,
    accessKeySecret: randomText(random, ALPHANUMERIC, SECRET_LENGTH),
  };
}
