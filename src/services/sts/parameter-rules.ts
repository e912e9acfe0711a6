import { ApiError } from '../../api/errors.ts';
import { SystemError } from '../../base/errors.ts';
import { parseArn } from '../../ram/arn.ts';
import { parsePolicy } from '../../ram/policy/document.ts';

/** Bounds of STS. Source: facts.md 6.5, the newer value where documents differ. */
export const DURATION_S = { min: 900, default: 3600 } as const;
export const POLICY_LENGTH_MAX = 2048;
/** A session that was made from a session. Our own bound: who can renew itself must show up once an hour. */
export const CHAINED_DURATION_MAX_S = 3600;

export function invalid(parameter: string, rule: string): ApiError {
  return new ApiError(`InvalidParameter.${parameter}`, 400, `${parameter} ${rule}.`);
}

/** `acs:ram::<account>:role/<name>`; the name in any case. */
export function checkedRoleArn(text: string): { readonly accountId: string; readonly roleName: string } {
  const arn = parseArn(text);
  const roleName = /^role\/([a-zA-Z0-9.@-]{1,64})$/.exec(arn?.relativeId ?? '')?.[1];
  if (
    arn === undefined ||
    arn.service !== 'ram' ||
    arn.regionId !== '' ||
    !/^\d{1,19}$/.test(arn.accountId) ||
    roleName === undefined
  ) {
    throw invalid('RoleArn', 'must have the form acs:ram::<account>:role/<name>');
  }
  return { accountId: arn.accountId, roleName };
}

export function checkedSessionName(name: string): string {
  if (/^[A-Za-z0-9._@-]{2,64}$/.test(name)) return name;
  throw invalid('RoleSessionName', "must be 2 to 64 of letters, digits, '.', '_', '@' and '-'");
}

/** The upper bound is the role's own. */
export function checkedDuration(seconds: number = DURATION_S.default, isChained: boolean): number {
  if (seconds < DURATION_S.min) throw invalid('DurationSeconds', `must be at least ${DURATION_S.min}`);
  if (isChained && seconds > CHAINED_DURATION_MAX_S) {
    throw invalid(
      'DurationSeconds',
      `must be at most ${CHAINED_DURATION_MAX_S} when a session of a role assumes another role`,
    );
  }
  return seconds;
}

/** What sessions may do at most; empty when there is no such bound. */
export function checkedSessionPolicy(document: string | undefined): string {
  if (document === undefined) return '';
  if (document.length > POLICY_LENGTH_MAX) {
    throw new ApiError(
      'InvalidParameter.PolicySize',
      400,
      `Policy has ${document.length} characters; it may have ${POLICY_LENGTH_MAX}.`,
    );
  }
  try {
    parsePolicy(document);
  } catch (error) {
    if (!(error instanceof SystemError) || error.code !== 'POLICY_MALFORMED') throw error;
    throw new ApiError('InvalidParameter.PolicyGrammar', 400, `Policy: ${error.message}`, { cause: error });
  }
  return document;
}

/** The documents name no code of its own for it. */
export function checkedExternalId(externalId: string | undefined): string | undefined {
  if (externalId === undefined || /^[\w+=,.@:/-]{2,1224}$/.test(externalId)) return externalId;
  throw new ApiError(
    'InvalidParameter',
    400,
    'ExternalId must be 2 to 1224 of letters, digits and the characters _ + = , . @ : / -.',
  );
}

/** Once it is set it stays, however many roles are assumed one from another; empty: none. */
export function checkedSourceIdentity(asked: string | undefined, inherited: string): string {
  if (asked !== undefined && !/^[A-Za-z0-9+=,.@_-]{2,64}$/.test(asked)) {
    throw new ApiError(
      'InvalidParameter',
      400,
      'SourceIdentity must be 2 to 64 of letters, digits and the characters + = , . @ _ -.',
    );
  }
  if (asked !== undefined && inherited !== '' && asked !== inherited) {
    throw new ApiError(
      'InvalidParameter',
      400,
      `SourceIdentity is ${inherited} already and stays so in further roles.`,
    );
  }
  return asked ?? inherited;
}
