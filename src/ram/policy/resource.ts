import { parseArn } from '../arn.ts';
import type { Arn } from '../arn.ts';
import { compileWildcard } from './wildcard.ts';

const PATTERN = /^(?:\*|acs:[^\s]+)$/;

/** `*`, or a resource name that begins with `acs:`, with wildcards. */
export function isResourcePattern(pattern: string): boolean {
  return PATTERN.test(pattern);
}

/** The name of a resource, taken apart once for all the patterns that it is compared with. */
export interface ResourceName {
  readonly text: string;
  readonly arn: Arn | undefined;
}

export function resourceName(text: string): ResourceName {
  return { text, arn: partsOf(text) };
}

/**
 * Whether a pattern covers a resource, part by part, so that a `*` for the region never reaches into the account.
 * A pattern with fewer than five parts (`acs:kms:*`) is compared as a whole.
 */
export function compileResource(pattern: string): (resource: ResourceName) => boolean {
  if (pattern === '*') return () => true;
  const whole = compileWildcard(pattern);
  const parts = partsOf(pattern);
  if (parts === undefined) return ({ text }) => whole(text);
  const service = compileWildcard(parts.service);
  const regionId = compileWildcard(parts.regionId);
  const accountId = compileWildcard(parts.accountId);
  const relativeId = compileWildcard(parts.relativeId);
  return ({ text, arn }) =>
    arn === undefined
      ? whole(text)
      : service(arn.service) && relativeId(arn.relativeId) && accountId(arn.accountId) && regionId(arn.regionId);
}

/** The names of roles, users and groups are compared in lower case (decisions.md E2), all others as they are. */
function partsOf(text: string): Arn | undefined {
  const arn = parseArn(text);
  if (arn === undefined || !/^(?:role|user|group)\//.test(arn.relativeId)) return arn;
  return { ...arn, relativeId: arn.relativeId.toLowerCase() };
}
