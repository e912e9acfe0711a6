import type { Access, Action } from '../../../api/action.ts';
import type { CreateAliasInput, CreateAliasOutput } from '../../../api/generated/kms.ts';
import { judgeAliasName } from '../../../kms/aliases.ts';
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
      const verdict = judgeAliasName(aliasName);
      if (verdict === 'reserved') throw invalidParameter('AliasName', 'other than alias/acs…: such names are reserved');
      if (verdict === 'malformed')
        throw invalidParameter(
          'AliasName',
          'alias/ followed by 1 to 255 letters, digits, underscores, hyphens or slashes',
        );
      return { aliasName, keyId };
    },
    run: async (scope, { aliasName, keyId }) => {
      await deps.aliases.create(scope, aliasName, keyId);
      return {};
    },
  });
}
