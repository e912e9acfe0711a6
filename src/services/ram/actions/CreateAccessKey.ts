import type { Action } from '../../../api/action.ts';
import type { CreateAccessKeyInput, CreateAccessKeyOutput } from '../../../api/generated/ram.ts';
import { isoSeconds } from '../../../base/clock.ts';
import { listAccessKeysOf } from '../../../metadata/access-keys.ts';
import { addAccessKey, freshAccessKey } from '../../../ram/accounts.ts';
import { accessKeyAccess, accessKeyOwner } from '../access-key-owner.ts';
import type { RamDependencies } from '../dependencies.ts';
import { ACCESS_KEYS_MAX } from '../limits.ts';
import { limitExceeded } from '../refusals.ts';

/** Makes an AccessKey of a user, or of the caller. Its secret is shown this once. Source: apis.md, CreateAccessKey. */
export const createAccessKey = (deps: RamDependencies): Action<CreateAccessKeyInput, CreateAccessKeyOutput> => ({
  product: 'ram',
  name: 'CreateAccessKey',
  access: ({ input, caller }) => accessKeyAccess('CreateAccessKey', caller, input.UserName),
  run: ({ input, caller }) =>
    deps.database.transact(async (transaction) => {
      const userName = await accessKeyOwner(transaction, caller, input.UserName);
      const limit = userName === null ? ACCESS_KEYS_MAX.account : ACCESS_KEYS_MAX.user;
      if ((await listAccessKeysOf(transaction, caller.accountId, userName)).length >= limit) {
        const who = userName === null ? 'An account' : 'A user';
        throw limitExceeded('User.AccessKey', `${who} has at most ${limit} AccessKeys; delete one first.`);
      }
      const owner = { accountId: caller.accountId, userName };
      const { accessKeyId, accessKeySecret } = await addAccessKey(
        deps,
        transaction,
        owner,
        freshAccessKey(deps.random),
      );
      return {
        AccessKey: {
          AccessKeyId: accessKeyId,
          AccessKeySecret: accessKeySecret,
          Status: 'Active',
          CreateDate: isoSeconds(deps.clock.nowMs()),
        },
      };
    }),
});
