import type { Random } from '../base/random.ts';
import { equalInConstantTime } from '../crypto/constant-time.ts';
import { scryptKey } from '../crypto/kdf.ts';
import type { ScryptCost } from '../crypto/kdf.ts';
import type { Sealer } from '../metadata/sealer.ts';
import type { User } from '../metadata/users.ts';

/** 32 MiB for each guess, a tenth of a second. Stored with each password, so that it can grow. */
const COST: ScryptCost = { n: 2 ** 15, r: 8, p: 1 };
const SALT_SIZE_BYTES = 16;

interface StoredPassword {
  readonly cost: ScryptCost;
  /** Hexadecimal, as the hash. */
  readonly salt: string;
  readonly hash: string;
}

interface PasswordParts {
  readonly sealer: Sealer;
  readonly random: Random;
}

/** What is kept of a password: a slow hash with a salt of its own, sealed for the user. */
export async function hashPassword(
  { sealer, random }: PasswordParts,
  user: Pick<User, 'userId'>,
  password: string,
): Promise<Uint8Array> {
  const salt = random.bytes(SALT_SIZE_BYTES);
  const hash = await slowHash(password, salt, COST);
  const stored: StoredPassword = { cost: COST, salt: hexOf(salt), hash: hexOf(hash) };
  return sealer.seal(contextOf(user), Buffer.from(JSON.stringify(stored)));
}

/** @throws {SystemError} kind `corrupt`: what was kept was changed, or belongs to another user. */
export async function passwordMatches(
  { sealer }: Pick<PasswordParts, 'sealer'>,
  user: Pick<User, 'userId'>,
  sealed: Uint8Array,
  password: string,
): Promise<boolean> {
  const { cost, salt, hash } = JSON.parse(
    Buffer.from(sealer.open(contextOf(user), sealed)).toString(),
  ) as StoredPassword;
  const actual = await slowHash(password, Buffer.from(salt, 'hex'), cost);
  return equalInConstantTime(actual, Buffer.from(hash, 'hex'));
}

async function slowHash(password: string, salt: Uint8Array, cost: ScryptCost): Promise<Uint8Array> {
  const secret = Buffer.from(password, 'utf8');
  try {
    return await scryptKey(secret, salt, cost);
  } finally {
    secret.fill(0);
  }
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const contextOf = ({ userId }: Pick<User, 'userId'>): string => `login-profile:${userId}`;
