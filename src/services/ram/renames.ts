import { listAccessKeysOf, updateAccessKey } from '../../metadata/access-keys.ts';
import {
  deleteGroup,
  deleteGroupMember,
  insertGroup,
  insertGroupMember,
  listGroupsOfUser,
  listUsersOfGroup,
} from '../../metadata/groups.ts';
import type { Group, GroupMember } from '../../metadata/groups.ts';
import { moveAttachments } from '../../metadata/policy-attachments.ts';
import type { Transaction } from '../../metadata/reader.ts';
import { deleteUser, insertUser } from '../../metadata/users.ts';
import type { User } from '../../metadata/users.ts';

/**
 * Gives a user another name, which is free. AccessKeys, groups and policies go along; the id stays, and with it the login
 * profile.
 */
export async function renameUser(transaction: Transaction, user: User, next: User): Promise<void> {
  const { accountId, userNameLower: before } = user;
  const { userNameLower: after } = next;
  await deleteUser(transaction, user);
  await insertUser(transaction, next);
  for (const { accessKeyId } of await listAccessKeysOf(transaction, accountId, user.userName)) {
    await updateAccessKey(transaction, accessKeyId, { userName: next.userName });
  }
  if (after === before) return;
  await moveAttachments(transaction, { accountId, principalType: 'user', principalName: before }, after);
  for (const member of await listGroupsOfUser(transaction, accountId, before)) {
    await replaceMember(transaction, member, { ...member, userNameLower: after });
  }
}

/** Gives a group another name, which is free. Its users and policies go along; the id stays. */
export async function renameGroup(transaction: Transaction, group: Group, next: Group): Promise<void> {
  const { accountId, groupNameLower: before } = group;
  const { groupNameLower: after } = next;
  await deleteGroup(transaction, group);
  await insertGroup(transaction, next);
  if (after === before) return;
  await moveAttachments(transaction, { accountId, principalType: 'group', principalName: before }, after);
  for (const member of await listUsersOfGroup(transaction, accountId, before)) {
    await replaceMember(transaction, member, { ...member, groupNameLower: after });
  }
}

async function replaceMember(transaction: Transaction, member: GroupMember, next: GroupMember): Promise<void> {
  await deleteGroupMember(transaction, member);
  await insertGroupMember(transaction, next);
}
