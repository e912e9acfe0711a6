import { ApiError } from '../../api/errors.ts';

/** Refusals that several operations share. Source of codes: apis.md 0.5; errors.json, ram. */

export function invalid(parameter: string, what: string, rule: string): ApiError {
  return new ApiError(`InvalidParameter.${parameter}${what && `.${what}`}`, 400, `${parameter} ${rule}.`);
}

/** `EntityNotExist.<kind>`. */
export function missing(kind: string, message: string): ApiError {
  return new ApiError(`EntityNotExist.${kind}`, 404, message);
}

/** `EntityAlreadyExists.<kind>`. */
export function exists(kind: string, message: string): ApiError {
  return new ApiError(`EntityAlreadyExists.${kind}`, 409, message);
}

/** `LimitExceeded.<kind>`. */
export function limitExceeded(kind: string, message: string): ApiError {
  return new ApiError(`LimitExceeded.${kind}`, 409, message);
}

/** `DeleteConflict.<kind>`. */
export function deleteConflict(kind: string, message: string): ApiError {
  return new ApiError(`DeleteConflict.${kind}`, 409, message);
}

export function unknownUser(userName: string): ApiError {
  return missing('User', `There is no user ${userName} in this account; CreateUser makes one.`);
}

export function unknownGroup(groupName: string): ApiError {
  return missing('Group', `There is no group ${groupName} in this account; CreateGroup makes one.`);
}

export function unknownRole(roleName: string): ApiError {
  return missing('Role', `There is no role ${roleName} in this account; CreateRole makes one.`);
}

export function unknownPolicy(policyType: string, policyName: string): ApiError {
  const advice = policyType === 'Custom' ? 'CreatePolicy makes one' : 'check its spelling';
  return missing('Policy', `There is no ${policyType} policy ${policyName}; ${advice}.`);
}

export function unknownVersion(policyName: string, versionId: string): ApiError {
  return missing(
    'Policy.Version',
    `The policy ${policyName} has no version ${versionId}; ListPolicyVersions shows those it has.`,
  );
}
