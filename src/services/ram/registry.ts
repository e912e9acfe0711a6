import type { Action } from '../../api/action.ts';
import { addUserToGroup } from './actions/AddUserToGroup.ts';
import { attachPolicyToGroup } from './actions/AttachPolicyToGroup.ts';
import { attachPolicyToRole } from './actions/AttachPolicyToRole.ts';
import { attachPolicyToUser } from './actions/AttachPolicyToUser.ts';
import { clearAccountAlias } from './actions/ClearAccountAlias.ts';
import { createAccessKey } from './actions/CreateAccessKey.ts';
import { createGroup } from './actions/CreateGroup.ts';
import { createLoginProfile } from './actions/CreateLoginProfile.ts';
import { createPolicy } from './actions/CreatePolicy.ts';
import { createPolicyVersion } from './actions/CreatePolicyVersion.ts';
import { createRole } from './actions/CreateRole.ts';
import { createUser } from './actions/CreateUser.ts';
import { decodeDiagnosticMessage } from './actions/DecodeDiagnosticMessage.ts';
import { deleteAccessKey } from './actions/DeleteAccessKey.ts';
import { deleteGroup } from './actions/DeleteGroup.ts';
import { deleteLoginProfile } from './actions/DeleteLoginProfile.ts';
import { deletePolicy } from './actions/DeletePolicy.ts';
import { deletePolicyVersion } from './actions/DeletePolicyVersion.ts';
import { deleteRole } from './actions/DeleteRole.ts';
import { deleteUser } from './actions/DeleteUser.ts';
import { detachPolicyFromGroup } from './actions/DetachPolicyFromGroup.ts';
import { detachPolicyFromRole } from './actions/DetachPolicyFromRole.ts';
import { detachPolicyFromUser } from './actions/DetachPolicyFromUser.ts';
import { getAccessKeyLastUsed } from './actions/GetAccessKeyLastUsed.ts';
import { getAccountAlias } from './actions/GetAccountAlias.ts';
import { getGroup } from './actions/GetGroup.ts';
import { getLoginProfile } from './actions/GetLoginProfile.ts';
import { getPolicy } from './actions/GetPolicy.ts';
import { getPolicyVersion } from './actions/GetPolicyVersion.ts';
import { getRole } from './actions/GetRole.ts';
import { getUser } from './actions/GetUser.ts';
import { listAccessKeys } from './actions/ListAccessKeys.ts';
import { listEntitiesForPolicy } from './actions/ListEntitiesForPolicy.ts';
import { listGroups } from './actions/ListGroups.ts';
import { listGroupsForUser } from './actions/ListGroupsForUser.ts';
import { listPolicies } from './actions/ListPolicies.ts';
import { listPoliciesForGroup } from './actions/ListPoliciesForGroup.ts';
import { listPoliciesForRole } from './actions/ListPoliciesForRole.ts';
import { listPoliciesForUser } from './actions/ListPoliciesForUser.ts';
import { listPolicyVersions } from './actions/ListPolicyVersions.ts';
import { listRoles } from './actions/ListRoles.ts';
import { listTagResources } from './actions/ListTagResources.ts';
import { listUsers } from './actions/ListUsers.ts';
import { listUsersForGroup } from './actions/ListUsersForGroup.ts';
import { removeUserFromGroup } from './actions/RemoveUserFromGroup.ts';
import { setAccountAlias } from './actions/SetAccountAlias.ts';
import { setDefaultPolicyVersion } from './actions/SetDefaultPolicyVersion.ts';
import { tagResources } from './actions/TagResources.ts';
import { untagResources } from './actions/UntagResources.ts';
import { updateAccessKey } from './actions/UpdateAccessKey.ts';
import { updateGroup } from './actions/UpdateGroup.ts';
import { updateLoginProfile } from './actions/UpdateLoginProfile.ts';
import { updatePolicyDescription } from './actions/UpdatePolicyDescription.ts';
import { updateRole } from './actions/UpdateRole.ts';
import { updateUser } from './actions/UpdateUser.ts';
import type { RamDependencies } from './dependencies.ts';

/** Every RAM operation there is. */
export function ramActions(deps: RamDependencies): readonly Action[] {
  return [
    createUser(deps),
    getUser(deps),
    updateUser(deps),
    deleteUser(deps),
    listUsers(deps),
    createAccessKey(deps),
    updateAccessKey(deps),
    deleteAccessKey(deps),
    listAccessKeys(deps),
    getAccessKeyLastUsed(deps),
    createGroup(deps),
    getGroup(deps),
    updateGroup(deps),
    deleteGroup(deps),
    listGroups(deps),
    addUserToGroup(deps),
    removeUserFromGroup(deps),
    listGroupsForUser(deps),
    listUsersForGroup(deps),
    createRole(deps),
    getRole(deps),
    listRoles(deps),
    updateRole(deps),
    deleteRole(deps),
    createPolicy(deps),
    getPolicy(deps),
    deletePolicy(deps),
    listPolicies(deps),
    updatePolicyDescription(deps),
    createPolicyVersion(deps),
    getPolicyVersion(deps),
    deletePolicyVersion(deps),
    listPolicyVersions(deps),
    setDefaultPolicyVersion(deps),
    attachPolicyToUser(deps),
    detachPolicyFromUser(deps),
    attachPolicyToGroup(deps),
    detachPolicyFromGroup(deps),
    attachPolicyToRole(deps),
    detachPolicyFromRole(deps),
    listPoliciesForUser(deps),
    listPoliciesForGroup(deps),
    listPoliciesForRole(deps),
    listEntitiesForPolicy(deps),
    createLoginProfile(deps),
    getLoginProfile(deps),
    updateLoginProfile(deps),
    deleteLoginProfile(deps),
    tagResources(deps),
    untagResources(deps),
    listTagResources(deps),
    getAccountAlias(deps),
    setAccountAlias(deps),
    clearAccountAlias(deps),
    decodeDiagnosticMessage(deps),
  ];
}
