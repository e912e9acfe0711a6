import type { Action } from '../../../api/action.ts';
import type { UpdateAccessKeyInput, UpdateAccessKeyOutput } from '../../../api/generated/ram.ts';
import { updateAccessKey as updateAccessKeyRow } from '../../../metadata/access-keys.ts';
import { accessKeyAccess, ownedAccessKey } from '../access-key-owner.ts';
import type { RamDependencies } from '../dependencies.ts';
import { checkedAccessKeyStatus } from '../parameter-rules.ts';

/** Switches an AccessKey off or on, from its next request. Source: apis.md, UpdateAccessKey. */
export const updateAccessKey = (deps: RamDependencies): Action<UpdateAccessKeyInput, UpdateAccessKeyOutput> => ({
  product: 'ram',
  name: 'UpdateAccessKey',
  access: ({ input, caller }) => accessKeyAccess('UpdateAccessKey', caller, input.UserName),
  run: async ({ input, caller }) => {
    const status = checkedAccessKeyStatus(input.Status);
    await deps.database.transact(async (transaction) => {
      const key = await ownedAccessKey(transaction, caller, input.UserName, input.UserAccessKeyId);
      await updateAccessKeyRow(transaction, key.accessKeyId, { status });
    });
    return {};
  },
});
