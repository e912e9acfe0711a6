import type { Action } from '../../../api/action.ts';
import type { UpdateGroupInput, UpdateGroupOutput } from '../../../api/generated/ram.ts';
import { findGroup, updateGroup as updateGroupRow } from '../../../metadata/groups.ts';
import type { Group } from '../../../metadata/groups.ts';
import type { Transaction } from '../../../metadata/reader.ts';
import { groupAccess } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { groupView } from '../group-view.ts';
import { checkedComments, checkedGroupName } from '../parameter-rules.ts';
import { exists, unknownGroup } from '../refusals.ts';
import { renameGroup } from '../renames.ts';

/** Changes what is given and keeps the rest; with another name go its users and policies. Source: apis.md, UpdateGroup. */
export const updateGroup = (deps: RamDependencies): Action<UpdateGroupInput, UpdateGroupOutput> => ({
  product: 'ram',
  name: 'UpdateGroup',
  // Who may only change some groups must not make one of them another that policies name.
  access: ({ input: { GroupName, NewGroupName = GroupName }, caller }) =>
    [...new Set([GroupName, NewGroupName])].flatMap((name) => groupAccess('UpdateGroup', caller, name)),
  run: async ({ input, caller }) => {
    const groupName = checkedGroupName(input.GroupName);
    const { NewGroupName: newName, NewComments: comments } = input;
    if (newName !== undefined) checkedGroupName(newName, 'NewGroupName');
    const changes = {
      updatedMs: deps.clock.nowMs(),
      ...(comments !== undefined && { comments: checkedComments('NewComments', comments) }),
    };
    return await deps.database.transact(async (transaction) => {
      const group = await findGroup(transaction, caller.accountId, groupName);
      if (group === undefined) throw unknownGroup(groupName);
      const updated = await updateGroupRow(transaction, group, changes);
      return { Group: groupView(await renamed(transaction, updated, newName)) };
    });
  },
});

async function renamed(transaction: Transaction, group: Group, newName: string | undefined): Promise<Group> {
  if (newName === undefined || newName === group.groupName) return group;
  const next = { ...group, groupName: newName, groupNameLower: newName.toLowerCase() };
  const holder = await findGroup(transaction, group.accountId, newName);
  if (holder !== undefined && holder.groupId !== group.groupId) {
    throw exists('Group', `The group ${newName} exists; names differ in more than case.`);
  }
  await renameGroup(transaction, group, next);
  return next;
}
