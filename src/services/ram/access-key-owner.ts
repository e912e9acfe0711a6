import type { Access, Caller } from '../../api/action.ts';
import { ApiError } from '../../api/errors.ts';
import { findAccessKey } from '../../metadata/access-keys.ts';
import type { AccessKey } from '../../metadata/access-keys.ts';
import type { Reader } from '../../metadata/reader.ts';
import { findUser } from '../../metadata/users.ts';
import { accountArn, parseArn, userArn } from '../../ram/arn.ts';
import { checkedUserName } from './parameter-rules.ts';
import { missing, unknownUser } from './refusals.ts';

/** What a call about AccessKeys needs: the right on the user whose they are, or on the account. */
export function accessKeyAccess(action: string, caller: Caller, userName: string | undefined): readonly Access[] {
  const name = nameOf(caller, userName);
  const resource = name === null ? accountArn(caller.accountId) : userArn(caller.accountId, name);
  return [{ action: `ram:${action}`, resource }];
}

/**
 * Whose AccessKeys a call is about: the user that it names, else the caller. Null: the account itself.
 * @throws {ApiError} EntityNotExist.User.
 */
export async function accessKeyOwner(
  reader: Reader,
  caller: Caller,
  userName: string | undefined,
): Promise<string | null> {
  const name = nameOf(caller, userName);
  if (name === null) return null;
  const user = await findUser(reader, caller.accountId, checkedUserName(name));
  if (user === undefined) throw unknownUser(name);
  return user.userName;
}

/** The AccessKey of that owner. @throws {ApiError} EntityNotExist.User.AccessKey, also for those of others. */
export async function ownedAccessKey(
  reader: Reader,
  caller: Caller,
  userName: string | undefined,
  accessKeyId: string,
): Promise<AccessKey> {
  const owner = await accessKeyOwner(reader, caller, userName);
  const key = await findAccessKey(reader, accessKeyId);
  if (key?.accountId === caller.accountId && key.userName === owner) return key;
  throw missing(
    'User.AccessKey',
    `${owner === null ? 'The account itself' : `The user ${owner}`} has no AccessKey ${accessKeyId}; ListAccessKeys shows those it has.`,
  );
}

function nameOf(caller: Caller, userName: string | undefined): string | null {
  if (userName !== undefined) return userName;
  if (caller.principalType === 'Account') return null;
  const [kind, name] = (parseArn(caller.arn)?.relativeId ?? '').split('/');
  if (kind === 'user' && name !== undefined) return name;
  throw new ApiError(
    'MissingParameter',
    400,
    'The parameter "UserName" is needed: the session of a role has no AccessKeys of its own.',
  );
}
