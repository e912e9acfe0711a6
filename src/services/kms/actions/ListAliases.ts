import type { Action } from '../../../api/action.ts';
import type { ListAliasesInput, ListAliasesOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { aliasArn } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';
import { pageParameters } from '../parameter-values.ts';

/** The account's aliases in the region, oldest first, `alias/acs/ecs` included. */
export function listAliases(deps: KmsDependencies): Action<ListAliasesInput, ListAliasesOutput> {
  return kmsAction(deps, {
    name: 'ListAliases',
    access: (scope) => [{ action: 'kms:ListAliases', resource: aliasArn(scope, 'alias') }],
    parse: pageParameters,
    run: async (scope, page) => {
      const { aliases, totalCount } = await deps.aliases.list(scope, page);
      const shown = aliases.map(({ aliasName, keyId }) => ({
        AliasName: aliasName,
        AliasArn: aliasArn(scope, aliasName),
        KeyId: keyId,
      }));
      return {
        Aliases: { Alias: shown },
        PageNumber: page.pageNumber,
        PageSize: page.pageSize,
        TotalCount: totalCount,
      };
    },
  });
}
