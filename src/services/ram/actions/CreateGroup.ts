import type { Action } from '../../../api/action.ts';
import type { CreateGroupInput, CreateGroupOutput } from '../../../api/generated/ram.ts';
import { countGroups, findGroup, insertGroup } from '../../../metadata/groups.ts';
import type { Group } from '../../../metadata/groups.ts';
import { allGroups } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { freshEntityId } from '../entity-ids.ts';
import { newGroupView } from '../group-view.ts';
import { GROUPS_MAX } from '../limits.ts';
import { checkedComments, checkedGroupName } from '../parameter-rules.ts';
import { exists, limitExceeded } from '../refusals.ts';

/** Makes a group, with nobody in it. Source: apis.md, CreateGroup. */
export const createGroup = (deps: RamDependencies): Action<CreateGroupInput, CreateGroupOutput> => ({
  product: 'ram',
  name: 'CreateGroup',
  access: ({ caller }) => [{ action: 'ram:CreateGroup', resource: allGroups(caller) }],
  run: async ({ input, caller: { accountId } }) => {
    const nowMs = deps.clock.nowMs();
    const groupName = checkedGroupName(input.GroupName);
    const group: Group = {
      accountId,
      groupName,
      groupNameLower: groupName.toLowerCase(),
      groupId: freshEntityId('group', deps.random),
      comments: checkedComments('Comments', input.Comments),
      createdMs: nowMs,
      updatedMs: nowMs,
    };
    await deps.database.transact(async (transaction) => {
      if ((await findGroup(transaction, accountId, groupName)) !== undefined) {
        throw exists('Group', `The group ${groupName} exists; names differ in more than case.`);
      }
      if ((await countGroups(transaction, accountId)) >= GROUPS_MAX) {
        throw limitExceeded('Group', `An account has at most ${GROUPS_MAX} groups; delete one first.`);
      }
      await insertGroup(transaction, group);
    });
    return { Group: newGroupView(group) };
  },
});
