import type { Access, Action } from '../../../api/action.ts';
import type { CreateAliasInput, CreateAliasOutput } from '../../../api/generated/kms.ts';
import { judgeAliasName } from '../../../kms/aliases.ts';
import { aliasNameParameter } from '../alias-name.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { invalidParameter } from '../errors.ts';
import { aliasArn, keyAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';

/** Gives a key a second name, unique in the region. */
export function createAlias(deps: KmsDependencies): Action<CreateAliasInput, CreateAliasOutput> {
  return kmsAction(deps, {
    name: 'CreateAlias',
    access: async (scope, input): Promise<readonly Access[]> => [
      ...(await keyAccess(deps, scope, 'kms:CreateAlias', input.KeyId)),
      { action: 'kms:CreateAlias', resource: aliasArn(scope, input.AliasName) },
    ],
    parse: ({ AliasName: aliasName, KeyId: keyId }) => {
      if (judgeAliasName(aliasName) === 'reserved')
        throw invalidParameter('AliasName', 'other than alias/acs…: such names are reserved');
      return { aliasName: aliasNameParameter(aliasName), keyId };
    },
    run: async (scope, { aliasName, keyId }) => {
      await deps.aliases.create(scope, aliasName, keyId);
      return {};
    },
  });
}
