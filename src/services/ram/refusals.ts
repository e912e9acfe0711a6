import { ApiError } from '../../api/errors.ts';

/** Refusals that several operations share. Source of codes: apis.md 0.5; errors.json, ram. */

export function invalid(parameter: string, what: string, rule: string): ApiError {
  return new ApiError(`InvalidParameter.${parameter}${what && `.${what}`}`, 400, `${parameter} ${rule}.`);
}

export function unknownRole(roleName: string): ApiError {
  return new ApiError(
    'EntityNotExist.Role',
    404,
    `There is no role ${roleName} in this account; CreateRole makes one.`,
  );
}

export function unknownPolicy(policyType: string, policyName: string): ApiError {
  const advice = policyType === 'Custom' ? 'CreatePolicy makes one' : 'check its spelling';
  return new ApiError('EntityNotExist.Policy', 404, `There is no ${policyType} policy ${policyName}; ${advice}.`);
}
