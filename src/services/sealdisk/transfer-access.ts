import type { Access, Caller } from '../../api/action.ts';
import { regionOfId } from '../ecs/regions.ts';

/** The permission to do `action` on a transfer of the caller's account, in the region in which its id was made. */
export function transferAccess(action: string, caller: Caller, regionId: string, transferId: string): Access {
  const region = regionOfId(transferId)?.regionId ?? regionId;
  return { action, resource: `acs:sealdisk:${region}:${caller.accountId}:transfer/${transferId}` };
}
