import { DOCUMENT_LENGTH_MAX, parsePolicy, parseTrustPolicy } from './document.ts';
import { PolicySyntaxError } from './syntax-error.ts';

/** What a document says to a reader: how many statements, or what is wrong and where (both count from 1). */
export type PolicyCheck =
  { readonly statements: number } | { readonly problem: string; readonly line: number; readonly column: number };

/** Whether a policy, or a role's trust policy, is understood and short enough to be stored. */
export function checkPolicy(text: string, kind: 'identity' | 'trust'): PolicyCheck {
  try {
    const { length: statements } = kind === 'trust' ? parseTrustPolicy(text) : parsePolicy(text);
    return text.length <= DOCUMENT_LENGTH_MAX ? { statements } : tooLong(text);
  } catch (error) {
    if (!(error instanceof PolicySyntaxError)) throw error;
    return { problem: error.problem, ...error.position };
  }
}

function tooLong(text: string): PolicyCheck {
  const lines = text.slice(0, DOCUMENT_LENGTH_MAX).split('\n');
  return {
    problem: `Expected the end: a document has at most ${DOCUMENT_LENGTH_MAX} characters, this one ${text.length}`,
    line: lines.length,
    column: (lines.at(-1) ?? '').length + 1,
  };
}
