import type { Action } from '../../../api/action.ts';
import type { DeleteUserInput, DeleteUserOutput } from '../../../api/generated/ram.ts';
import { listAccessKeysOf } from '../../../metadata/access-keys.ts';
import { listGroupsOfUser } from '../../../metadata/groups.ts';
import { findLoginProfile } from '../../../metadata/login-profiles.ts';
import { listAttachments } from '../../../metadata/policy-attachments.ts';
import type { Transaction } from '../../../metadata/reader.ts';
import { deleteUser as deleteUserRow, findUser } from '../../../metadata/users.ts';
import type { User } from '../../../metadata/users.ts';
import { userAccess } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { checkedUserName } from '../parameter-rules.ts';
import { deleteConflict, unknownUser } from '../refusals.ts';

/** Deletes a user of whom nothing is left: no AccessKeys, groups, policies, login profile. Source: apis.md, DeleteUser. */
export const deleteUser = (deps: RamDependencies): Action<DeleteUserInput, DeleteUserOutput> => ({
  product: 'ram',
  name: 'DeleteUser',
  access: ({ input, caller }) => userAccess('DeleteUser', caller, input.UserName),
  run: ({ input, caller }) =>
    deps.database.transact(async (transaction) => {
      const user = await findUser(transaction, caller.accountId, checkedUserName(input.UserName));
      if (user === undefined) throw unknownUser(input.UserName);
      await refuseWhatIsLeft(transaction, user);
      await deleteUserRow(transaction, user);
      return {};
    }),
});

async function refuseWhatIsLeft(transaction: Transaction, user: User): Promise<void> {
  const { accountId, userName, userNameLower: principalName } = user;
  const refuse = (kind: string, what: string, operation: string) =>
    deleteConflict(`User.${kind}`, `The user ${userName} ${what}; call ${operation} first.`);
  const keys = await listAccessKeysOf(transaction, accountId, userName);
  if (keys.length > 0) throw refuse('AccessKey', `has ${keys.length} AccessKeys`, 'DeleteAccessKey');
  const groups = await listGroupsOfUser(transaction, accountId, principalName);
  if (groups.length > 0) throw refuse('Group', `is in ${groups.length} groups`, 'RemoveUserFromGroup');
  const policies = await listAttachments(transaction, { accountId, principalType: 'user', principalName });
  if (policies.length > 0) throw refuse('Policy', `has ${policies.length} policies`, 'DetachPolicyFromUser');
  if ((await findLoginProfile(transaction, user.userId)) !== undefined) {
    throw refuse('LoginProfile', 'has a login profile', 'DeleteLoginProfile');
  }
}
