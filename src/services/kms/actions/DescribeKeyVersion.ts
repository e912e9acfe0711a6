import type { Action } from '../../../api/action.ts';
import type { DescribeKeyVersionInput, DescribeKeyVersionOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { keyAccess } from '../key-access.ts';
import { keyVersionView } from '../key-metadata.ts';
import { kmsAction } from '../kms-action.ts';

/** One version of a key. */
export function describeKeyVersion(deps: KmsDependencies): Action<DescribeKeyVersionInput, DescribeKeyVersionOutput> {
  return kmsAction(deps, {
    name: 'DescribeKeyVersion',
    access: (scope, input) => keyAccess(deps, scope, 'kms:DescribeKeyVersion', input.KeyId),
    parse: ({ KeyId: keyId, KeyVersionId: versionId }) => ({ keyId, versionId }),
    run: async (scope, { keyId, versionId }) => ({
      KeyVersion: keyVersionView(await deps.versions.find(scope, keyId, versionId)),
    }),
  });
}
