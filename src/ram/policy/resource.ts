import { parseArn } from '../arn.ts';
import type { Arn } from '../arn.ts';
import { matchesWildcard } from './wildcard.ts';

const PATTERN = /^(?:\*|acs:[^\s]+)$/;

/** `*`, or a resource name that begins with `acs:`, with wildcards. */
export function isResourcePattern(pattern: string): boolean {
  return PATTERN.test(pattern);
}

/**
 * Whether `pattern` covers `resource`, part by part, so that a `*` for the region never reaches into the account.
 * A pattern with fewer than five parts (`acs:kms:*`) is compared as a whole.
 */
export function resourceMatches(pattern: string, resource: string): boolean {
  if (pattern === '*') return true;
  const wanted = parseArn(pattern);
  const actual = parseArn(resource);
  if (wanted === undefined || actual === undefined) return matchesWildcard(pattern, resource);
  return (
    matchesWildcard(wanted.service, actual.service) &&
    matchesWildcard(wanted.regionId, actual.regionId) &&
    matchesWildcard(wanted.accountId, actual.accountId) &&
    matchesWildcard(relativeId(wanted), relativeId(actual))
  );
}

/** The names of roles are compared in lower case (decisions.md E2), all others as they are. */
function relativeId(arn: Arn): string {
  return arn.relativeId.startsWith('role/') ? arn.relativeId.toLowerCase() : arn.relativeId;
}
