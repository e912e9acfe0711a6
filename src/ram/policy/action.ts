import { compileWildcard } from './wildcard.ts';

const PATTERN = /^(?:\*|[a-z0-9*?-]+:[A-Za-z0-9*?:_/-]+)$/i;

/** `*`, or `service:operation` with wildcards. */
export function isActionPattern(pattern: string): boolean {
  return PATTERN.test(pattern);
}

/** Names of actions differ in more than case, so case does not count: the matcher takes the name in lower case. */
export function compileAction(pattern: string): (lowerCaseAction: string) => boolean {
  return compileWildcard(pattern.toLowerCase());
}
