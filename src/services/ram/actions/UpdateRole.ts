import type { Action } from '../../../api/action.ts';
import type { UpdateRoleInput, UpdateRoleOutput } from '../../../api/generated/ram.ts';
import { findRole, updateRole as updateRoleRow } from '../../../metadata/roles.ts';
import { roleArn } from '../../../ram/arn.ts';
import type { RamDependencies } from '../dependencies.ts';
import { checkedTrustPolicy } from '../document-rules.ts';
import { checkedDescription, checkedRoleName, checkedSessionDuration } from '../parameter-rules.ts';
import { unknownRole } from '../refusals.ts';
import { fullRoleView } from '../role-view.ts';

/** Changes what is given and keeps the rest; counts from the next use of the role. Source: apis.md, UpdateRole. */
export const updateRole = (deps: RamDependencies): Action<UpdateRoleInput, UpdateRoleOutput> => ({
  product: 'ram',
  name: 'UpdateRole',
  access: ({ input, caller }) => [{ action: 'ram:UpdateRole', resource: roleArn(caller.accountId, input.RoleName) }],
  run: async ({ input, caller }) => {
    const roleName = checkedRoleName(input.RoleName);
    const { NewAssumeRolePolicyDocument: document, NewDescription: description } = input;
    const { NewMaxSessionDuration: duration } = input;
    const changes = {
      updatedMs: deps.clock.nowMs(),
      ...(document !== undefined && { trustPolicy: checkedTrustPolicy('NewAssumeRolePolicyDocument', document) }),
      ...(description !== undefined && { description: checkedDescription('NewDescription', description) }),
      ...(duration !== undefined && { maxSessionDurationS: checkedSessionDuration('NewMaxSessionDuration', duration) }),
    };
    return await deps.database.transact(async (transaction) => {
      const role = await findRole(transaction, caller.accountId, roleName);
      if (role === undefined) throw unknownRole(roleName);
      return { Role: fullRoleView(await updateRoleRow(transaction, role, changes)) };
    });
  },
});
