import { ApiError } from '../../api/errors.ts';
import { SystemError } from '../../base/errors.ts';
import { DOCUMENT_LENGTH_MAX, parsePolicy, parseTrustPolicy } from '../../ram/policy/document.ts';
import { invalid } from './refusals.ts';

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
