import type { Action } from '../../../api/action.ts';
import type { CreateRoleInput, CreateRoleOutput } from '../../../api/generated/ram.ts';
import { countRoles, findRole, insertRole } from '../../../metadata/roles.ts';
import type { Role } from '../../../metadata/roles.ts';
import { allRoles } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { checkedTrustPolicy } from '../document-rules.ts';
import { freshEntityId } from '../entity-ids.ts';
import { ROLES_MAX } from '../limits.ts';
import { checkedDescription, checkedRoleName, checkedSessionDuration } from '../parameter-rules.ts';
import { exists, limitExceeded } from '../refusals.ts';
import { roleView } from '../role-view.ts';
import { checkedTags } from '../tag-parameter.ts';

/** Makes a role. Source: apis.md, CreateRole; facts.md 6.4. */
export const createRole = (deps: RamDependencies): Action<CreateRoleInput, CreateRoleOutput> => ({
  product: 'ram',
  name: 'CreateRole',
  access: ({ caller }) => [{ action: 'ram:CreateRole', resource: allRoles(caller) }],
  run: async ({ input, caller }) => {
    const nowMs = deps.clock.nowMs();
    const roleName = checkedRoleName(input.RoleName);
    const role: Role = {
      accountId: caller.accountId,
      roleName,
      roleNameLower: roleName.toLowerCase(),
      roleId: freshEntityId('role', deps.random),
      description: checkedDescription('Description', input.Description),
      trustPolicy: checkedTrustPolicy('AssumeRolePolicyDocument', input.AssumeRolePolicyDocument),
      maxSessionDurationS: checkedSessionDuration('MaxSessionDuration', input.MaxSessionDuration),
      tags: checkedTags(input.Tag),
      createdMs: nowMs,
      updatedMs: nowMs,
    };
    await deps.database.transact(async (transaction) => {
      if ((await findRole(transaction, role.accountId, roleName)) !== undefined) {
        throw exists('Role', `The role ${roleName} exists; names differ in more than case.`);
      }
      if ((await countRoles(transaction, role.accountId)) >= ROLES_MAX) {
        throw limitExceeded('Role', `An account has at most ${ROLES_MAX} roles; delete one first.`);
      }
      await insertRole(transaction, role);
    });
    return { Role: { ...roleView(role), AssumeRolePolicyDocument: role.trustPolicy } };
  },
});
