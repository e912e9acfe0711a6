import type { Action } from '../../../api/action.ts';
import type { DeleteRoleInput, DeleteRoleOutput } from '../../../api/generated/ram.ts';
import { listAttachments } from '../../../metadata/policy-attachments.ts';
import { deleteRole as deleteRoleRow, findRole } from '../../../metadata/roles.ts';
import { deleteSessionEnd } from '../../../metadata/session-ends.ts';
import { roleArn } from '../../../ram/arn.ts';
import type { RamDependencies } from '../dependencies.ts';
import { checkedRoleName } from '../parameter-rules.ts';
import { deleteConflict, unknownRole } from '../refusals.ts';

/** Deletes a role that has no policies any more. Source: apis.md, DeleteRole and "RAM notes". */
export const deleteRole = (deps: RamDependencies): Action<DeleteRoleInput, DeleteRoleOutput> => ({
  product: 'ram',
  name: 'DeleteRole',
  access: ({ input, caller }) => [{ action: 'ram:DeleteRole', resource: roleArn(caller.accountId, input.RoleName) }],
  run: ({ input, caller: { accountId } }) =>
    deps.database.transact(async (transaction) => {
      const role = await findRole(transaction, accountId, checkedRoleName(input.RoleName));
      if (role === undefined) throw unknownRole(input.RoleName);
      const holder = { accountId, principalType: 'role', principalName: role.roleNameLower } as const;
      const attached = await listAttachments(transaction, holder);
      if (attached.length > 0) {
        const message = `The role ${role.roleName} has ${attached.length} policies; detach them with DetachPolicyFromRole first.`;
        throw deleteConflict('Role.Policy', message);
      }
      await deleteRoleRow(transaction, role);
      await deleteSessionEnd(transaction, role.roleId);
      return {};
    }),
});
