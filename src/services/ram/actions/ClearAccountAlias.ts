import type { Action } from '../../../api/action.ts';
import type { ClearAccountAliasInput, ClearAccountAliasOutput } from '../../../api/generated/ram.ts';
import { deleteAccountAlias } from '../../../metadata/account-aliases.ts';
import { accountArn } from '../../../ram/arn.ts';
import type { RamDependencies } from '../dependencies.ts';

/** Takes the name from the account; it is free for others then. Source: apis.md, ClearAccountAlias. */
export const clearAccountAlias = (deps: RamDependencies): Action<ClearAccountAliasInput, ClearAccountAliasOutput> => ({
  product: 'ram',
  name: 'ClearAccountAlias',
  access: ({ caller }) => [{ action: 'ram:ClearAccountAlias', resource: accountArn(caller.accountId) }],
  run: ({ caller: { accountId } }) =>
    deps.database.transact(async (transaction) => {
      await deleteAccountAlias(transaction, accountId);
      return {};
    }),
});
