import type { Action } from '../../../api/action.ts';
import type { ListKeyVersionsInput, ListKeyVersionsOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { keyAccess } from '../key-access.ts';
import { keyVersionView } from '../key-metadata.ts';
import { kmsAction } from '../kms-action.ts';
import { pageParameters } from '../parameter-values.ts';

/** The versions of a key, oldest first. */
export function listKeyVersions(deps: KmsDependencies): Action<ListKeyVersionsInput, ListKeyVersionsOutput> {
  return kmsAction(deps, {
    name: 'ListKeyVersions',
    access: (scope, input) => keyAccess(deps, scope, 'kms:ListKeyVersions', input.KeyId),
    parse: (input) => ({ keyId: input.KeyId, page: pageParameters(input) }),
    run: async (scope, { keyId, page }) => {
      const versions = await deps.versions.list(scope, keyId, { alias: 'allowed' });
      return {
        KeyVersions: { KeyVersion: versions.slice(page.offset, page.offset + page.limit).map(keyVersionView) },
        PageNumber: page.pageNumber,
        PageSize: page.pageSize,
        TotalCount: versions.length,
      };
    },
  });
}
