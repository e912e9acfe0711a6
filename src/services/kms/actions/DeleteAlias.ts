import type { Access, Action } from '../../../api/action.ts';
import type { DeleteAliasInput, DeleteAliasOutput } from '../../../api/generated/kms.ts';
import { aliasNameParameter } from '../alias-name.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { aliasArn, keyAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';

/** Takes a second name away from its key, which stays. */
export function deleteAlias(deps: KmsDependencies): Action<DeleteAliasInput, DeleteAliasOutput> {
  return kmsAction(deps, {
    name: 'DeleteAlias',
    access: async (scope, input): Promise<readonly Access[]> => [
      ...(await keyAccess(deps, scope, 'kms:DeleteAlias', input.AliasName)),
      { action: 'kms:DeleteAlias', resource: aliasArn(scope, input.AliasName) },
    ],
    parse: (input) => aliasNameParameter(input.AliasName),
    run: async (scope, aliasName) => {
      await deps.aliases.delete(scope, aliasName);
      return {};
    },
  });
}
