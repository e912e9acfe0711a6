import type { Action } from '../../../api/action.ts';
import type { DeleteGroupInput, DeleteGroupOutput } from '../../../api/generated/ram.ts';
import { deleteGroup as deleteGroupRow, findGroup, listUsersOfGroup } from '../../../metadata/groups.ts';
import { listAttachments } from '../../../metadata/policy-attachments.ts';
import { groupAccess } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { checkedGroupName } from '../parameter-rules.ts';
import { deleteConflict, unknownGroup } from '../refusals.ts';

/** Deletes a group that has neither users nor policies any more. Source: apis.md, DeleteGroup. */
export const deleteGroup = (deps: RamDependencies): Action<DeleteGroupInput, DeleteGroupOutput> => ({
  product: 'ram',
  name: 'DeleteGroup',
  access: ({ input, caller }) => groupAccess('DeleteGroup', caller, input.GroupName),
  run: ({ input, caller: { accountId } }) =>
    deps.database.transact(async (transaction) => {
      const group = await findGroup(transaction, accountId, checkedGroupName(input.GroupName));
      if (group === undefined) throw unknownGroup(input.GroupName);
      const { groupName, groupNameLower: principalName } = group;
      const users = await listUsersOfGroup(transaction, accountId, principalName);
      if (users.length > 0) {
        const message = `The group ${groupName} has ${users.length} users; call RemoveUserFromGroup first.`;
        throw deleteConflict('Group.User', message);
      }
      const policies = await listAttachments(transaction, { accountId, principalType: 'group', principalName });
      if (policies.length > 0) {
        const message = `The group ${groupName} has ${policies.length} policies; call DetachPolicyFromGroup first.`;
        throw deleteConflict('Group.Policy', message);
      }
      await deleteGroupRow(transaction, group);
      return {};
    }),
});
