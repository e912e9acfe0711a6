import type { Action } from '../../../api/action.ts';
import type { ListAliasesInput, ListAliasesOutput } from '../../../api/generated/kms.ts';
import { aliasList } from '../alias-list.ts';
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
    run: async (scope, page) => aliasList(scope, page, await deps.aliases.list(scope, page)),
  });
}
