import { ApiError } from '../../api/errors.ts';
import { isKind, messageOf } from '../../base/errors.ts';
import { parseKeyPolicy } from '../../ram/policy/document.ts';
import { invalidParameter } from './errors.ts';

/** Source: KMS API reference, SetKeyPolicy. */
const POLICY_SIZE_BYTES_MAX = 32_768;

/** A key has one policy, of this name. Source: KMS API reference, GetKeyPolicy. @throws {ApiError} InvalidParameter. */
export function policyNameParameter(name: string | undefined): void {
  if (name !== undefined && name !== 'default') throw invalidParameter('PolicyName', 'default');
}

/** The policy itself, if it can be understood. @throws {ApiError} InvalidParameter, with line and column. */
export function keyPolicyParameter(text: string): string {
  if (Buffer.byteLength(text) > POLICY_SIZE_BYTES_MAX)
    throw invalidParameter('Policy', `at most ${POLICY_SIZE_BYTES_MAX} bytes of JSON`);
  try {
    parseKeyPolicy(text);
  } catch (error) {
    if (!isKind(error, 'invalid')) throw error;
    throw new ApiError('InvalidParameter', 400, `The parameter Policy is no key policy: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return text;
}

/** What a key without a policy of its own says: the account decides through RAM. Source: KMS API reference, SetKeyPolicy. */
export function defaultKeyPolicy(accountId: string): string {
  return JSON.stringify({
    Statement: [
      {
        Action: ['kms:*'],
        Effect: 'Allow',
        Principal: { RAM: [`acs:ram::${accountId}:*`] },
        Resource: ['*'],
        Sid: 'kms default key policy',
      },
    ],
    Version: '1',
  });
}
