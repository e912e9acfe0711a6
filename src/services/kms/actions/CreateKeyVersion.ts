import type { Action } from '../../../api/action.ts';
import type { CreateKeyVersionInput, CreateKeyVersionOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { keyAccess } from '../key-access.ts';
import { keyVersionView } from '../key-metadata.ts';
import { kmsAction } from '../kms-action.ts';

/** Makes a further version of an asymmetric key. Its material is durable before this answers. */
export function createKeyVersion(deps: KmsDependencies): Action<CreateKeyVersionInput, CreateKeyVersionOutput> {
  return kmsAction(deps, {
    name: 'CreateKeyVersion',
    access: (scope, input) => keyAccess(deps, scope, 'kms:CreateKeyVersion', input.KeyId),
    parse: (input) => input.KeyId,
    run: async (scope, keyId) => ({ KeyVersion: keyVersionView(await deps.versions.create(scope, keyId)) }),
  });
}
