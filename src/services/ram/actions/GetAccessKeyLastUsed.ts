import type { Action } from '../../../api/action.ts';
import type { GetAccessKeyLastUsedInput, GetAccessKeyLastUsedOutput } from '../../../api/generated/ram.ts';
import { isoSeconds } from '../../../base/clock.ts';
import { findAccessKeyUse } from '../../../metadata/access-key-uses.ts';
import { accessKeyAccess, ownedAccessKey } from '../access-key-owner.ts';
import type { RamDependencies } from '../dependencies.ts';

/** Tells to the minute when an AccessKey last signed a request that was accepted; empty: never. Source: apis.md, GetAccessKeyLastUsed. */
export const getAccessKeyLastUsed = (
  deps: RamDependencies,
): Action<GetAccessKeyLastUsedInput, GetAccessKeyLastUsedOutput> => ({
  product: 'ram',
  name: 'GetAccessKeyLastUsed',
  access: ({ input, caller }) => accessKeyAccess('GetAccessKeyLastUsed', caller, input.UserName),
  run: async ({ input, caller }) => {
    const reader = deps.database.read;
    const { accessKeyId } = await ownedAccessKey(reader, caller, input.UserName, input.UserAccessKeyId);
    const use = await findAccessKeyUse(reader, accessKeyId);
    return { AccessKeyLastUsed: { LastUsedDate: use === undefined ? '' : isoSeconds(use.usedMs) } };
  },
});
