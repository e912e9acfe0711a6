import type { Action } from '../../../api/action.ts';
import type { GetAccountAliasInput, GetAccountAliasOutput } from '../../../api/generated/ram.ts';
import { findAccountAlias } from '../../../metadata/account-aliases.ts';
import { accountArn } from '../../../ram/arn.ts';
import type { RamDependencies } from '../dependencies.ts';

/** Shows the name by which people know the account; empty when it has none. Source: apis.md, GetAccountAlias. */
export const getAccountAlias = (deps: RamDependencies): Action<GetAccountAliasInput, GetAccountAliasOutput> => ({
  product: 'ram',
  name: 'GetAccountAlias',
  access: ({ caller }) => [{ action: 'ram:GetAccountAlias', resource: accountArn(caller.accountId) }],
  run: async ({ caller: { accountId } }) => {
    const found = await findAccountAlias(deps.database.read, accountId);
    return { AccountAlias: found?.alias ?? '' };
  },
});
