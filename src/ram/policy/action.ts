import { matchesWildcard } from './wildcard.ts';

const PATTERN = /^(?:\*|[a-z0-9*?-]+:[A-Za-z0-9*?:_/-]+)$/i;

/** `*`, or `service:operation` with wildcards. */
export function isActionPattern(pattern: string): boolean {
  return PATTERN.test(pattern);
}

/** @param action `kms:Decrypt`. Names of actions differ in more than case, so case does not count. */
export function actionMatches(pattern: string, action: string): boolean {
  return pattern === '*' || matchesWildcard(pattern.toLowerCase(), action.toLowerCase());
}
