import { countInAccount, pageInAccount } from './account-lists.ts';
import type { NamePage } from './account-lists.ts';
import type { EntityOf } from './columns.ts';
import { integer, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

/** Groups of RAM users. */
export const groups = new SealedTable(
  'groups',
  {
    accountId: text(),
    /** Names differ in more than case, as those of roles. */
    groupNameLower: text(),
    /** As it was given. */
    groupName: text(),
    groupId: text(),
    comments: text(),
    createdMs: integer,
    updatedMs: integer,
  },
  ['accountId', 'groupNameLower'],
);

/** A row says that the user is in the group. */
export const groupMembers = new SealedTable(
  'groupMembers',
  { accountId: text(), groupNameLower: text(), userNameLower: text(), joinedMs: integer },
  ['accountId', 'groupNameLower', 'userNameLower'],
);

export type Group = EntityOf<typeof groups.columns>;
export type GroupMember = EntityOf<typeof groupMembers.columns>;

/** @param groupName in any case. */
export const findGroup = (reader: Reader, accountId: string, groupName: string): Promise<Group | undefined> =>
  groups.find(reader, { accountId, groupNameLower: groupName.toLowerCase() });

/** By name, starting after `after` (a lower-case name). */
export const listGroups = (reader: Reader, accountId: string, page: NamePage): Promise<Group[]> =>
  pageInAccount(reader, groups, accountId, 'groupNameLower', page);

export const countGroups = (reader: Reader, accountId: string): Promise<number> =>
  countInAccount(reader, groups, accountId);

export const insertGroup = (transaction: Transaction, group: Group): Promise<void> => groups.insert(transaction, group);

export const updateGroup = (
  transaction: Transaction,
  { accountId, groupNameLower }: Pick<Group, 'accountId' | 'groupNameLower'>,
  changes: Partial<Omit<Group, 'accountId' | 'groupNameLower'>>,
): Promise<Group> => groups.update(transaction, { accountId, groupNameLower }, changes);

export const deleteGroup = (
  transaction: Transaction,
  { accountId, groupNameLower }: Pick<Group, 'accountId' | 'groupNameLower'>,
): Promise<number> => groups.delete(transaction, { accountId, groupNameLower });

/** The groups that a user is in, by name. */
export const listGroupsOfUser = (reader: Reader, accountId: string, userNameLower: string): Promise<GroupMember[]> =>
  groupMembers.findAll(reader, { accountId, userNameLower }, ['groupNameLower']);

/** The users that are in a group, by name. */
export const listUsersOfGroup = (reader: Reader, accountId: string, groupNameLower: string): Promise<GroupMember[]> =>
  groupMembers.findAll(reader, { accountId, groupNameLower }, ['userNameLower']);

export const insertGroupMember = (transaction: Transaction, member: GroupMember): Promise<void> =>
  groupMembers.insert(transaction, member);

/** Answers how many were removed: 0 or 1. */
export const deleteGroupMember = (
  transaction: Transaction,
  { accountId, groupNameLower, userNameLower }: Omit<GroupMember, 'joinedMs'>,
): Promise<number> => groupMembers.delete(transaction, { accountId, groupNameLower, userNameLower });
