import type { ListAliasesOutput } from '../../api/generated/kms.ts';
import type { Scope } from '../../kms/scope.ts';
import type { Alias } from '../../metadata/aliases.ts';
import { aliasArn } from './key-access.ts';
import type { PageParameters } from './parameter-values.ts';

/** A page of aliases as ListAliases and ListAliasesByKeyId show it. */
export function aliasList(
  scope: Scope,
  page: PageParameters,
  { aliases, totalCount }: { readonly aliases: readonly Alias[]; readonly totalCount: number },
): ListAliasesOutput {
  const shown = aliases.map(({ aliasName, keyId }) => ({
    AliasName: aliasName,
    AliasArn: aliasArn(scope, aliasName),
    KeyId: keyId,
  }));
  return { Aliases: { Alias: shown }, PageNumber: page.pageNumber, PageSize: page.pageSize, TotalCount: totalCount };
}
