import { parsePolicy, parseTrustPolicy } from './document.ts';
import { PolicySyntaxError } from './syntax-error.ts';

/** What a document says to a reader: how many statements, or what is wrong and where (both count from 1). */
export type PolicyCheck =
  { readonly statements: number } | { readonly problem: string; readonly line: number; readonly column: number };

/** Whether a policy, or a role's trust policy, is understood. */
export function checkPolicy(text: string, kind: 'identity' | 'trust'): PolicyCheck {
  try {
    return { statements: (kind === 'trust' ? parseTrustPolicy(text) : parsePolicy(text)).length };
  } catch (error) {
    if (!(error instanceof PolicySyntaxError)) throw error;
    return { problem: error.problem, ...error.position };
  }
}
