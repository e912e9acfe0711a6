import type { Action } from '../../../api/action.ts';
import type { DescribeKeyInput, DescribeKeyOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { KEY_USE, keyUseAccess } from '../key-access.ts';
import { keyMetadata } from '../key-metadata.ts';
import { kmsAction } from '../kms-action.ts';

/** What a key is and in which state, by id, ARN or alias. */
export function describeKey(deps: KmsDependencies): Action<DescribeKeyInput, DescribeKeyOutput> {
  return kmsAction(deps, {
    name: 'DescribeKey',
    access: (scope, input) => keyUseAccess(deps, scope, 'kms:DescribeKey', input.KeyId),
    parse: (input) => input.KeyId,
    run: async (scope, keyId) => ({
      KeyMetadata: keyMetadata(await deps.keys.findFor('DescribeKey', scope, keyId, KEY_USE)),
    }),
  });
}
