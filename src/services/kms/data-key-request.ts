import type { GenerateDataKeyInput } from '../../api/generated/kms.ts';
import type { EncryptionContext } from '../../kms/encryption-context.ts';
import { invalidParameter } from './errors.ts';
import { booleanParameter, contextParameter } from './parameter-values.ts';

export interface DataKeyRequest {
  readonly context: EncryptionContext;
  readonly lengthBytes: number;
  readonly dryRun: boolean;
}

/** What GenerateDataKey and GenerateDataKeyWithoutPlaintext take. Source: facts.md 2.8. @throws {ApiError} */
export function parseDataKeyRequest(input: GenerateDataKeyInput): DataKeyRequest {
  return {
    context: contextParameter(input.EncryptionContext),
    lengthBytes: lengthOf(input),
    dryRun: booleanParameter('DryRun', input.DryRun),
  };
}

/** NumberOfBytes wins over KeySpec when both are given. */
function lengthOf({ NumberOfBytes: count, KeySpec: spec = 'AES_256' }: GenerateDataKeyInput): number {
  if (count !== undefined) {
    if (!Number.isInteger(count) || count < 1 || count > 1024)
      throw invalidParameter('NumberOfBytes', 'a whole number from 1 to 1024');
    return count;
  }
  if (spec === 'AES_256') return 32;
  if (spec === 'AES_128') return 16;
  throw invalidParameter('KeySpec', 'AES_256 or AES_128');
}
