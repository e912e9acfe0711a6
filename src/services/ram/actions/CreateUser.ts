import type { Action } from '../../../api/action.ts';
import type { CreateUserInput, CreateUserOutput } from '../../../api/generated/ram.ts';
import { countUsers, findUser, insertUser } from '../../../metadata/users.ts';
import type { User } from '../../../metadata/users.ts';
import { allUsers } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { freshEntityId } from '../entity-ids.ts';
import { USERS_MAX } from '../limits.ts';
import {
  checkedComments,
  checkedDisplayName,
  checkedEmail,
  checkedMobilePhone,
  checkedUserName,
} from '../parameter-rules.ts';
import { exists, limitExceeded } from '../refusals.ts';
import { newUserView } from '../user-view.ts';

/** Makes a user, who may do nothing yet. Source: apis.md, CreateUser. */
export const createUser = (deps: RamDependencies): Action<CreateUserInput, CreateUserOutput> => ({
  product: 'ram',
  name: 'CreateUser',
  access: ({ caller }) => [{ action: 'ram:CreateUser', resource: allUsers(caller) }],
  run: async ({ input, caller: { accountId } }) => {
    const nowMs = deps.clock.nowMs();
    const userName = checkedUserName(input.UserName);
    const user: User = {
      accountId,
      userName,
      userNameLower: userName.toLowerCase(),
      userId: freshEntityId('user', deps.random),
      displayName: checkedDisplayName('DisplayName', input.DisplayName),
      mobilePhone: checkedMobilePhone('MobilePhone', input.MobilePhone),
      email: checkedEmail('Email', input.Email),
      comments: checkedComments('Comments', input.Comments),
      createdMs: nowMs,
      updatedMs: nowMs,
    };
    await deps.database.transact(async (transaction) => {
      if ((await findUser(transaction, accountId, userName)) !== undefined) {
        throw exists('User', `The user ${userName} exists; names differ in more than case.`);
      }
      if ((await countUsers(transaction, accountId)) >= USERS_MAX) {
        throw limitExceeded('User', `An account has at most ${USERS_MAX} users; delete one first.`);
      }
      await insertUser(transaction, user);
    });
    return { User: newUserView(user) };
  },
});
