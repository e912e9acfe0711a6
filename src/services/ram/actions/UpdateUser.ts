import type { Action } from '../../../api/action.ts';
import type { UpdateUserInput, UpdateUserOutput } from '../../../api/generated/ram.ts';
import { findUser, updateUser as updateUserRow } from '../../../metadata/users.ts';
import type { User } from '../../../metadata/users.ts';
import type { Transaction } from '../../../metadata/reader.ts';
import { userAccess } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import {
  checkedComments,
  checkedDisplayName,
  checkedEmail,
  checkedMobilePhone,
  checkedUserName,
} from '../parameter-rules.ts';
import { exists, unknownUser } from '../refusals.ts';
import { renameUser } from '../renames.ts';
import { userView } from '../user-view.ts';

/** Changes what is given and keeps the rest; with another name goes everything that is the user's. Source: apis.md, UpdateUser. */
export const updateUser = (deps: RamDependencies): Action<UpdateUserInput, UpdateUserOutput> => ({
  product: 'ram',
  name: 'UpdateUser',
  // Who may only change some users must not make one of them somebody whom other policies name.
  access: ({ input: { UserName, NewUserName = UserName }, caller }) =>
    [...new Set([UserName, NewUserName])].flatMap((name) => userAccess('UpdateUser', caller, name)),
  run: async ({ input, caller }) => {
    const userName = checkedUserName(input.UserName);
    const { NewUserName: newName, NewDisplayName: displayName, NewMobilePhone: phone } = input;
    const { NewEmail: email, NewComments: comments } = input;
    if (newName !== undefined) checkedUserName(newName, 'NewUserName');
    const changes = {
      updatedMs: deps.clock.nowMs(),
      ...(displayName !== undefined && { displayName: checkedDisplayName('NewDisplayName', displayName) }),
      ...(phone !== undefined && { mobilePhone: checkedMobilePhone('NewMobilePhone', phone) }),
      ...(email !== undefined && { email: checkedEmail('NewEmail', email) }),
      ...(comments !== undefined && { comments: checkedComments('NewComments', comments) }),
    };
    return await deps.database.transact(async (transaction) => {
      const user = await findUser(transaction, caller.accountId, userName);
      if (user === undefined) throw unknownUser(userName);
      const updated = await updateUserRow(transaction, user, changes);
      return { User: userView(await renamed(transaction, updated, newName)) };
    });
  },
});

async function renamed(transaction: Transaction, user: User, newName: string | undefined): Promise<User> {
  if (newName === undefined || newName === user.userName) return user;
  const next = { ...user, userName: newName, userNameLower: newName.toLowerCase() };
  const holder = await findUser(transaction, user.accountId, newName);
  if (holder !== undefined && holder.userId !== user.userId) {
    throw exists('User', `The user ${newName} exists; names differ in more than case.`);
  }
  await renameUser(transaction, user, next);
  return next;
}
