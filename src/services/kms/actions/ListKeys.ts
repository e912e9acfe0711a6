import type { Action } from '../../../api/action.ts';
import type { ListKeysInput, ListKeysOutput } from '../../../api/generated/kms.ts';
import { keyArn } from '../../../kms/key-reference.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { keysAccess } from '../key-access.ts';
import { parseKeyFilters } from '../key-filters.ts';
import { kmsAction } from '../kms-action.ts';
import { pageParameters } from '../parameter-values.ts';

/** The account's keys in the region, oldest first, service key included. */
export function listKeys(deps: KmsDependencies): Action<ListKeysInput, ListKeysOutput> {
  return kmsAction(deps, {
    name: 'ListKeys',
    access: (scope) => keysAccess(scope, 'kms:ListKeys'),
    parse: (input) => ({ page: pageParameters(input), filters: parseKeyFilters(input.Filters) }),
    run: async (scope, { page, filters }) => {
      const { keys, totalCount } = await deps.keys.list({ ...filters, ...scope }, page);
      return {
        Keys: { Key: keys.map(({ keyId }) => ({ KeyId: keyId, KeyArn: keyArn(scope, keyId) })) },
        PageNumber: page.pageNumber,
        PageSize: page.pageSize,
        TotalCount: totalCount,
      };
    },
  });
}
