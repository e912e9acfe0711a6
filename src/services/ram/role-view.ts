import type { GetRoleOutputRole } from '../../api/generated/ram.ts';
import { isoSeconds } from '../../base/clock.ts';
import type { Role } from '../../metadata/roles.ts';
import { roleArn } from '../../ram/arn.ts';

/** A role as most operations show it; some leave out what they do not document. */
export function roleView(role: Role) {
  return {
    RoleId: role.roleId,
    RoleName: role.roleName,
    Arn: roleArn(role.accountId, role.roleName),
    Description: role.description,
    MaxSessionDuration: role.maxSessionDurationS,
    CreateDate: isoSeconds(role.createdMs),
  } satisfies GetRoleOutputRole;
}

/** With its trust policy, as text. */
export function fullRoleView(role: Role) {
  return {
    ...roleView(role),
    AssumeRolePolicyDocument: role.trustPolicy,
    UpdateDate: isoSeconds(role.updatedMs),
  } satisfies GetRoleOutputRole;
}
