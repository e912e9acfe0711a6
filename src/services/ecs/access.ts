import type { Access, Caller } from '../../api/action.ts';
import { regionOfId } from './regions.ts';

/**
 * The permission to do `action` on ECS resources of the caller's account, named as in policies:
 * `acs:ecs:<region>:<account>:disk/*`. Source: the vendor's authorization tables (RAM action ecs:<Operation>).
 */
export function ecsAccess(action: string, caller: Caller, regionId: string, resource: string): Access {
  return { action, resource: `acs:ecs:${regionId}:${caller.accountId}:${resource}` };
}

/**
 * The same on one resource, in the region in which its id was made: operations that take no RegionId find their
 * resource wherever it is, so the region of the request must not decide about them.
 */
export function ecsAccessToId(action: string, caller: Caller, regionId: string, kind: string, id: string): Access {
  return ecsAccess(action, caller, regionOfId(id)?.regionId ?? regionId, `${kind}/${id}`);
}
