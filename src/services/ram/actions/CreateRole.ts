import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { CreateRoleInput, CreateRoleOutput } from '../../../api/generated/ram.ts';
import type { Random } from '../../../base/random.ts';
import { countRoles, findRole, insertRole } from '../../../metadata/roles.ts';
import type { Role } from '../../../metadata/roles.ts';
import { allRoles } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { ROLES_MAX } from '../limits.ts';
import { checkedDescription, checkedRoleName, checkedSessionDuration, checkedTrustPolicy } from '../parameter-rules.ts';
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
      roleId: freshRoleId(deps.random),
      description: checkedDescription('Description', input.Description),
      trustPolicy: checkedTrustPolicy('AssumeRolePolicyDocument', input.AssumeRolePolicyDocument),
      maxSessionDurationS: checkedSessionDuration('MaxSessionDuration', input.MaxSessionDuration),
      tags: checkedTags(input.Tag),
      createdMs: nowMs,
      updatedMs: nowMs,
    };
    await deps.database.transact(async (transaction) => {
      if ((await findRole(transaction, role.accountId, roleName)) !== undefined) {
        throw new ApiError(
          'EntityAlreadyExists.Role',
          409,
          `The role ${roleName} exists; names differ in more than case.`,
        );
      }
      if ((await countRoles(transaction, role.accountId)) >= ROLES_MAX) {
        throw new ApiError('LimitExceeded.Role', 409, `An account has at most ${ROLES_MAX} roles; delete one first.`);
      }
      await insertRole(transaction, role);
    });
    return { Role: { ...roleView(role), AssumeRolePolicyDocument: role.trustPolicy } };
  },
});

/** 18 digits, the first of them 3. */
function freshRoleId(random: Random): string {
  const number = Buffer.from(random.bytes(8)).readBigUInt64LE() % 10n ** 17n;
  return `3${number.toString().padStart(17, '0')}`;
}
