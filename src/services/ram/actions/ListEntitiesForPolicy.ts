import type { Action } from '../../../api/action.ts';
import type { ListEntitiesForPolicyInput, ListEntitiesForPolicyOutput } from '../../../api/generated/ram.ts';
import { isoSeconds } from '../../../base/clock.ts';
import { findGroup } from '../../../metadata/groups.ts';
import { listAttachmentsOfPolicy } from '../../../metadata/policy-attachments.ts';
import type { PrincipalType } from '../../../metadata/policy-attachments.ts';
import { findRole } from '../../../metadata/roles.ts';
import { findUser } from '../../../metadata/users.ts';
import { roleArn } from '../../../ram/arn.ts';
import { policyAccess } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { checkedPolicyName, checkedPolicyType } from '../parameter-rules.ts';
import { shownPolicy } from '../shown-policy.ts';

/** Lists the users, groups and roles of the account that a policy is attached to, all at once. Source: apis.md, ListEntitiesForPolicy. */
export const listEntitiesForPolicy = (
  deps: RamDependencies,
): Action<ListEntitiesForPolicyInput, ListEntitiesForPolicyOutput> => ({
  product: 'ram',
  name: 'ListEntitiesForPolicy',
  access: ({ input, caller }) => policyAccess('ListEntitiesForPolicy', caller, input),
  run: async ({ input, caller: { accountId } }) => {
    const reader = deps.database.read;
    const policyType = checkedPolicyType(input.PolicyType);
    const { policyName } = await shownPolicy(reader, accountId, policyType, checkedPolicyName(input.PolicyName));
    const attachments = await listAttachmentsOfPolicy(reader, { accountId, policyType, policyName });
    /** Those of one kind, each with the date of its attachment. */
    const entities = async <Entity>(
      type: PrincipalType,
      find: (name: string) => Promise<Entity | undefined>,
    ): Promise<(Entity & { readonly AttachDate: string })[]> => {
      const found = attachments
        .filter(({ principalType }) => principalType === type)
        .map(async ({ principalName, attachedMs }) => {
          const entity = await find(principalName);
          return entity === undefined ? [] : [{ ...entity, AttachDate: isoSeconds(attachedMs) }];
        });
      return (await Promise.all(found)).flat();
    };
    const users = await entities('user', (name) => findUser(reader, accountId, name));
    const groups = await entities('group', (name) => findGroup(reader, accountId, name));
    const roles = await entities('role', (name) => findRole(reader, accountId, name));
    return {
      Users: {
        User: users.map(({ userId, userName, displayName, AttachDate }) => ({
          UserId: userId,
          UserName: userName,
          DisplayName: displayName,
          AttachDate,
        })),
      },
      Groups: {
        Group: groups.map(({ groupName, comments, AttachDate }) => ({
          GroupName: groupName,
          Comments: comments,
          AttachDate,
        })),
      },
      Roles: {
        Role: roles.map(({ roleId, roleName, description, AttachDate }) => ({
          RoleId: roleId,
          RoleName: roleName,
          Arn: roleArn(accountId, roleName),
          Description: description,
          AttachDate,
        })),
      },
    };
  },
});
