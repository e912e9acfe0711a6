import type { Access, Caller } from '../../api/action.ts';
import { findGroup } from '../../metadata/groups.ts';
import type { Group } from '../../metadata/groups.ts';
import type { Reader } from '../../metadata/reader.ts';
import { findUser } from '../../metadata/users.ts';
import type { User } from '../../metadata/users.ts';
import { groupAccess, userAccess } from './access.ts';
import { checkedGroupName, checkedUserName } from './parameter-rules.ts';
import { unknownGroup, unknownUser } from './refusals.ts';

interface MembershipInput {
  readonly UserName: string;
  readonly GroupName: string;
}

/** Changing who is in a group asks for both: it changes what the user may do, and whom the group's policies bind. */
export const membershipAccess = (action: string, caller: Caller, input: MembershipInput): readonly Access[] => [
  ...userAccess(action, caller, input.UserName),
  ...groupAccess(action, caller, input.GroupName),
];

/** The user and the group that a call names. @throws {ApiError} one of them does not exist. */
export async function requestedMembership(
  reader: Reader,
  accountId: string,
  input: MembershipInput,
): Promise<{ readonly user: User; readonly group: Group }> {
  const user = await findUser(reader, accountId, checkedUserName(input.UserName));
  if (user === undefined) throw unknownUser(input.UserName);
  const group = await findGroup(reader, accountId, checkedGroupName(input.GroupName));
  if (group === undefined) throw unknownGroup(input.GroupName);
  return { user, group };
}
