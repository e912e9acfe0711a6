import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { RevokeRoleSessionsInput, RevokeRoleSessionsOutput } from '../../../api/generated/sealdisk.ts';
import type { Clock } from '../../../base/clock.ts';
import { isoSeconds } from '../../../base/clock.ts';
import type { Database } from '../../../metadata/database.ts';
import { findRole } from '../../../metadata/roles.ts';
import { putSessionEnd } from '../../../metadata/session-ends.ts';
import { roleArn } from '../../../ram/arn.ts';

/**
 * Ends all sessions of a role that there are; who may assume it can do so again. Sealdisk's own: the vendor's RAM ends
 * sessions only by deleting the role or taking away its policies.
 */
export function RevokeRoleSessions(deps: {
  readonly database: Database;
  readonly clock: Clock;
}): Action<RevokeRoleSessionsInput, RevokeRoleSessionsOutput> {
  return {
    product: 'sealdisk',
    name: 'RevokeRoleSessions',
    access: ({ input, caller }) => [
      { action: 'sealdisk:RevokeRoleSessions', resource: roleArn(caller.accountId, input.RoleName) },
    ],
    run: ({ input, caller: { accountId } }) =>
      deps.database.transact(async (transaction) => {
        const role = await findRole(transaction, accountId, input.RoleName);
        if (role === undefined) {
          throw new ApiError('EntityNotExist.Role', 404, `There is no role ${input.RoleName} in this account.`);
        }
        const end = { roleId: role.roleId, accountId, endedMs: deps.clock.nowMs() };
        const { endedMs } = await putSessionEnd(transaction, end);
        return { RoleName: role.roleName, EndedTime: isoSeconds(endedMs) };
      }),
  };
}
