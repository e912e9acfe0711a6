import type { Caller } from '../../api/action.ts';
import { ApiError } from '../../api/errors.ts';
import { isKind } from '../../base/errors.ts';
import {
  findDiskEncryptionDefault,
  insertDiskEncryptionDefault,
  updateDiskEncryptionDefault,
  type DefaultScope,
} from '../../metadata/disk-encryption-defaults.ts';
import type { EcsDependencies } from './dependencies.ts';
import { keyError } from './key-errors.ts';
import { findRegion } from './regions.ts';

/**
 * Default encryption: an account may have every new disk of a region encrypted, under a key of its choice.
 * Source: facts.md section 7. Switching it off forgets the key, so that it always begins with the service key.
 */

type Parts = Pick<EcsDependencies, 'database' | 'dataKeys'>;

/** @throws {ApiError} InvalidParameter.RegionIdNotExists. Source: apis.md 0.2, EnableDiskEncryptionByDefault. */
export function defaultScope({ accountId }: Caller, regionId: string): DefaultScope {
  if (findRegion(regionId) !== undefined) return { accountId, regionId };
  throw new ApiError(
    'InvalidParameter.RegionIdNotExists',
    403,
    `There is no region ${regionId}; DescribeRegions lists the regions of this server.`,
  );
}

/**
 * Switches it on, under the service key, which is made on first use.
 * @throws {ApiError} InvalidOperation.DefaultEncryptionAlreadyEnabled, InvalidParameter.KmsNotEnabled.
 */
export async function enableDefault({ database, dataKeys }: Parts, scope: DefaultScope): Promise<void> {
  const already = (cause?: unknown) =>
    new ApiError(
      'InvalidOperation.DefaultEncryptionAlreadyEnabled',
      403,
      `Default encryption is on in ${scope.regionId} already; ModifyDiskDefaultKMSKeyId changes its key.`,
      { cause },
    );
  if ((await findDiskEncryptionDefault(database.read, scope)) !== undefined) throw already();
  const kmsKeyId = await chosenKey(dataKeys, scope, undefined);
  try {
    await database.transact((transaction) => insertDiskEncryptionDefault(transaction, { ...scope, kmsKeyId }));
  } catch (error) {
    throw isKind(error, 'conflict') ? already(error) : error;
  }
}

/**
 * Gives it another key; undefined is the service key.
 * @throws {ApiError} InvalidDefaultEncryption.NotFound: it is off. The refusals of keys, for `default`.
 */
export async function changeDefaultKey(
  { database, dataKeys }: Parts,
  scope: DefaultScope,
  keyId: string | undefined,
): Promise<void> {
  const off = (cause?: unknown) =>
    new ApiError(
      'InvalidDefaultEncryption.NotFound',
      403,
      `Default encryption is off in ${scope.regionId}; call EnableDiskEncryptionByDefault there first.`,
      { cause },
    );
  if ((await findDiskEncryptionDefault(database.read, scope)) === undefined) throw off();
  const kmsKeyId = await chosenKey(dataKeys, scope, keyId);
  try {
    await database.transact((transaction) => updateDiskEncryptionDefault(transaction, scope, kmsKeyId));
  } catch (error) {
    throw isKind(error, 'not-found') ? off(error) : error;
  }
}

/** For a request that wants no encryption where it is on. Source: facts.md section 7. */
export function unencryptedRefused(regionId: string): ApiError {
  return new ApiError(
    'InvalidEncrypted.NotMatchDiskDefaultEncryption',
    403,
    `Default encryption is on in ${regionId}, so every new disk is encrypted; leave Encrypted out or set it to true.`,
  );
}

async function chosenKey(dataKeys: Parts['dataKeys'], scope: DefaultScope, keyId: string | undefined): Promise<string> {
  try {
    return await dataKeys.choose({ ...scope, keyId });
  } catch (error) {
    throw keyError(error, 'default');
  }
}
