import type { Action } from '../../../api/action.ts';
import type { DeleteAccessKeyInput, DeleteAccessKeyOutput } from '../../../api/generated/ram.ts';
import { deleteAccessKeyUse } from '../../../metadata/access-key-uses.ts';
import { deleteAccessKey as deleteAccessKeyRow } from '../../../metadata/access-keys.ts';
import { accessKeyAccess, ownedAccessKey } from '../access-key-owner.ts';
import type { RamDependencies } from '../dependencies.ts';

/** Deletes an AccessKey, for good. Source: apis.md, DeleteAccessKey. */
export const deleteAccessKey = (deps: RamDependencies): Action<DeleteAccessKeyInput, DeleteAccessKeyOutput> => ({
  product: 'ram',
  name: 'DeleteAccessKey',
  access: ({ input, caller }) => accessKeyAccess('DeleteAccessKey', caller, input.UserName),
  run: ({ input, caller }) =>
    deps.database.transact(async (transaction) => {
      const { accessKeyId } = await ownedAccessKey(transaction, caller, input.UserName, input.UserAccessKeyId);
      await deleteAccessKeyUse(transaction, accessKeyId);
      await deleteAccessKeyRow(transaction, accessKeyId);
      return {};
    }),
});
