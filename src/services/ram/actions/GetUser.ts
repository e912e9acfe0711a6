import type { Action } from '../../../api/action.ts';
import type { GetUserInput, GetUserOutput } from '../../../api/generated/ram.ts';
import { findUser } from '../../../metadata/users.ts';
import { userAccess } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { checkedUserName } from '../parameter-rules.ts';
import { unknownUser } from '../refusals.ts';
import { userView } from '../user-view.ts';

/** Shows a user. Nobody can log in with a password here, hence no `LastLoginDate`. Source: apis.md, GetUser. */
export const getUser = (deps: RamDependencies): Action<GetUserInput, GetUserOutput> => ({
  product: 'ram',
  name: 'GetUser',
  access: ({ input, caller }) => userAccess('GetUser', caller, input.UserName),
  run: async ({ input, caller }) => {
    const user = await findUser(deps.database.read, caller.accountId, checkedUserName(input.UserName));
    if (user === undefined) throw unknownUser(input.UserName);
    return { User: { ...userView(user), LastLoginDate: '' } };
  },
});
