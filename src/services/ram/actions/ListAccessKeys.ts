import type { Action } from '../../../api/action.ts';
import type { ListAccessKeysInput, ListAccessKeysOutput } from '../../../api/generated/ram.ts';
import { isoSeconds } from '../../../base/clock.ts';
import { listAccessKeysOf } from '../../../metadata/access-keys.ts';
import { accessKeyAccess, accessKeyOwner } from '../access-key-owner.ts';
import type { RamDependencies } from '../dependencies.ts';

/** Lists the AccessKeys of a user, or of the caller, without their secrets. Source: apis.md, ListAccessKeys. */
export const listAccessKeys = (deps: RamDependencies): Action<ListAccessKeysInput, ListAccessKeysOutput> => ({
  product: 'ram',
  name: 'ListAccessKeys',
  access: ({ input, caller }) => accessKeyAccess('ListAccessKeys', caller, input.UserName),
  run: async ({ input, caller }) => {
    const reader = deps.database.read;
    const userName = await accessKeyOwner(reader, caller, input.UserName);
    const keys = await listAccessKeysOf(reader, caller.accountId, userName);
    return {
      AccessKeys: {
        AccessKey: keys.map(({ accessKeyId, status, createdMs }) => ({
          AccessKeyId: accessKeyId,
          Status: status,
          CreateDate: isoSeconds(createdMs),
        })),
      },
    };
  },
});
