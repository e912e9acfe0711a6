import type { Action } from '../../api/action.ts';
import { attachPolicyToRole } from './actions/AttachPolicyToRole.ts';
import { createPolicy } from './actions/CreatePolicy.ts';
import { createRole } from './actions/CreateRole.ts';
import { deleteRole } from './actions/DeleteRole.ts';
import { detachPolicyFromRole } from './actions/DetachPolicyFromRole.ts';
import { getRole } from './actions/GetRole.ts';
import { listPoliciesForRole } from './actions/ListPoliciesForRole.ts';
import { listRoles } from './actions/ListRoles.ts';
import { updateRole } from './actions/UpdateRole.ts';
import type { RamDependencies } from './dependencies.ts';

/** Every RAM operation there is. */
export function ramActions(deps: RamDependencies): readonly Action[] {
  return [
    createRole(deps),
    getRole(deps),
    listRoles(deps),
    updateRole(deps),
    deleteRole(deps),
    createPolicy(deps),
    attachPolicyToRole(deps),
    detachPolicyFromRole(deps),
    listPoliciesForRole(deps),
  ];
}
