import type { Access, Action } from '../../../api/action.ts';
import type { UpdateAliasInput, UpdateAliasOutput } from '../../../api/generated/kms.ts';
import { aliasNameParameter } from '../alias-name.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { aliasArn, keyAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';

/** Makes an alias lead to another key. */
export function updateAlias(deps: KmsDependencies): Action<UpdateAliasInput, UpdateAliasOutput> {
  return kmsAction(deps, {
    name: 'UpdateAlias',
    access: async (scope, input): Promise<readonly Access[]> => [
      ...(await keyAccess(deps, scope, 'kms:UpdateAlias', input.KeyId)),
      { action: 'kms:UpdateAlias', resource: aliasArn(scope, input.AliasName) },
    ],
    parse: ({ AliasName: name, KeyId: keyId }) => ({ aliasName: aliasNameParameter(name), keyId }),
    run: async (scope, { aliasName, keyId }) => {
      await deps.aliases.update(scope, aliasName, keyId);
      return {};
    },
  });
}
