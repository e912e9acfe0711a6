import type { Action } from '../../../api/action.ts';
import type { ListAliasesByKeyIdInput, ListAliasesByKeyIdOutput } from '../../../api/generated/kms.ts';
import { aliasList } from '../alias-list.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { keyAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';
import { pageParameters } from '../parameter-values.ts';

/** The aliases of one key, oldest first. */
export function listAliasesByKeyId(deps: KmsDependencies): Action<ListAliasesByKeyIdInput, ListAliasesByKeyIdOutput> {
  return kmsAction(deps, {
    name: 'ListAliasesByKeyId',
    access: (scope, input) => keyAccess(deps, scope, 'kms:ListAliasesByKeyId', input.KeyId),
    parse: (input) => ({ reference: input.KeyId, page: pageParameters(input) }),
    run: async (scope, { reference, page }) => {
      const { keyId } = await deps.keys.findFor('ListAliasesByKeyId', scope, reference, { alias: 'refused' });
      return aliasList(scope, page, await deps.aliases.list(scope, page, keyId));
    },
  });
}
