import type { Action } from '../../../api/action.ts';
import type { CreateKeyInput, CreateKeyOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { keysAccess } from '../key-access.ts';
import { keyMetadata } from '../key-metadata.ts';
import { kmsAction } from '../kms-action.ts';
import { parseNewKey } from '../new-key-request.ts';

/** Makes a key whose material KMS generates. Its material is durable before this answers. */
export function createKey(deps: KmsDependencies): Action<CreateKeyInput, CreateKeyOutput> {
  return kmsAction(deps, {
    name: 'CreateKey',
    access: (scope) => keysAccess(scope, 'kms:CreateKey'),
    parse: parseNewKey,
    run: async (scope, request) => {
      const key = await deps.keys.create(scope, { ...request, creator: scope.accountId, creatorType: 'User' });
      const { DeletionProtection: _shownByDescribeKeyOnly, ...metadata } = keyMetadata(key);
      return { KeyMetadata: metadata };
    },
  });
}
