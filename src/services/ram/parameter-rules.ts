import { ApiError } from '../../api/errors.ts';
import { SystemError } from '../../base/errors.ts';
import type { PolicyType } from '../../metadata/policy-attachments.ts';
import { parsePolicy, parseTrustPolicy } from '../../ram/policy/document.ts';
import {
  DESCRIPTION_LENGTH_MAX,
  DOCUMENT_LENGTH_MAX,
  POLICY_NAME_LENGTH_MAX,
  ROLE_NAME_LENGTH_MAX,
  SESSION_DURATION_S,
} from './limits.ts';
import { invalid } from './refusals.ts';

/** Source: facts.md 6.4; apis.md 0.5 for the codes. */
export function checkedRoleName(name: string): string {
  if (name.length < 1 || name.length > ROLE_NAME_LENGTH_MAX) {
    throw invalid('RoleName', 'Length', `must have 1 to ${ROLE_NAME_LENGTH_MAX} characters`);
  }
  if (!/^[a-zA-Z0-9.@-]+$/.test(name)) {
    throw invalid('RoleName', 'InvalidChars', "may hold only letters, digits, '.', '@' and '-'");
  }
  return name;
}

export function checkedPolicyName(name: string): string {
  if (name.length < 1 || name.length > POLICY_NAME_LENGTH_MAX) {
    throw invalid('PolicyName', 'Length', `must have 1 to ${POLICY_NAME_LENGTH_MAX} characters`);
  }
  if (!/^[a-zA-Z0-9-]+$/.test(name)) {
    throw invalid('PolicyName', 'InvalidChars', "may hold only letters, digits and '-'");
  }
  return name;
}

export function checkedPolicyType(type: string): PolicyType {
  if (type !== 'System' && type !== 'Custom') throw invalid('PolicyType', '', 'must be System or Custom');
  return type;
}

export function checkedDescription(parameter: string, description: string | undefined): string {
  if ((description ?? '').length > DESCRIPTION_LENGTH_MAX) {
    throw invalid(parameter, 'Length', `must have at most ${DESCRIPTION_LENGTH_MAX} characters`);
  }
  return description ?? '';
}

export function checkedSessionDuration(parameter: string, seconds: number | undefined): number {
  const value = seconds ?? SESSION_DURATION_S.default;
  if (!Number.isInteger(value) || value < SESSION_DURATION_S.min || value > SESSION_DURATION_S.max) {
    throw invalid(
      parameter,
      'Range',
      `must be a whole number of seconds from ${SESSION_DURATION_S.min} to ${SESSION_DURATION_S.max}`,
    );
  }
  return value;
}

export function checkedTrustPolicy(parameter: string, document: string): string {
  return checkedDocument(parameter, document, parseTrustPolicy);
}

export function checkedPolicyDocument(parameter: string, document: string): string {
  return checkedDocument(parameter, document, parsePolicy);
}

/** A document that parses is stored as it was given. */
function checkedDocument(parameter: string, document: string, parse: (text: string) => unknown): string {
  if (document.length > DOCUMENT_LENGTH_MAX) {
    throw invalid(parameter, 'Length', `must have at most ${DOCUMENT_LENGTH_MAX} characters`);
  }
  try {
    parse(document);
  } catch (error) {
    if (!(error instanceof SystemError) || error.code !== 'POLICY_MALFORMED') throw error;
    throw new ApiError('MalformedPolicyDocument', 400, `${parameter}: ${error.message}`, { cause: error });
  }
  return document;
}
