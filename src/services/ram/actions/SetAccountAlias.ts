import type { Action } from '../../../api/action.ts';
import type { SetAccountAliasInput, SetAccountAliasOutput } from '../../../api/generated/ram.ts';
import { findAccountByAlias, putAccountAlias } from '../../../metadata/account-aliases.ts';
import { accountArn } from '../../../ram/arn.ts';
import type { RamDependencies } from '../dependencies.ts';
import { checkedAccountAlias } from '../parameter-rules.ts';
import { exists } from '../refusals.ts';

/** Gives the account a name that no other account has, in the place of the one it had. Source: apis.md, SetAccountAlias. */
export const setAccountAlias = (deps: RamDependencies): Action<SetAccountAliasInput, SetAccountAliasOutput> => ({
  product: 'ram',
  name: 'SetAccountAlias',
  access: ({ caller }) => [{ action: 'ram:SetAccountAlias', resource: accountArn(caller.accountId) }],
  run: async ({ input, caller: { accountId } }) => {
    const alias = checkedAccountAlias(input.AccountAlias);
    return await deps.database.transact(async (transaction) => {
      const holder = await findAccountByAlias(transaction, alias);
      if (holder !== undefined && holder !== accountId) {
        throw exists('AccountAlias', `The alias ${alias} is taken; choose another.`);
      }
      await putAccountAlias(transaction, { accountId, alias });
      return {};
    });
  },
});
