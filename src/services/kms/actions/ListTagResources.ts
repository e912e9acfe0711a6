import type { Action } from '../../../api/action.ts';
import type { ListTagResourcesInput, ListTagResourcesOutput } from '../../../api/generated/kms.ts';
import type { Scope } from '../../../kms/scope.ts';
import { decodePageToken, encodePageToken } from '../../../metadata/page.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { invalidParameter } from '../errors.ts';
import { keysAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';
import { taggedKeysAccess, taggedKeysParameter } from '../tagged-resources.ts';

/** Keys on a page: at most 1,000 tags with those of the products. */
const PAGE_SIZE = 40;

/** The tags of the named keys, or of all, that have every tag asked for; a page of keys at a time, oldest first. */
export function listTagResources(deps: KmsDependencies): Action<ListTagResourcesInput, ListTagResourcesOutput> {
  return kmsAction(deps, {
    name: 'ListTagResources',
    access: (scope, input) =>
      input.ResourceId === undefined
        ? keysAccess(scope, 'kms:ListTagResources')
        : taggedKeysAccess(deps, scope, 'kms:ListTagResources', input.ResourceId),
    parse: (input) => ({
      ids: taggedKeysParameter(input),
      wanted: (input.Tag ?? []).map(({ Key: key = '', Value: value }) => ({ key, value })),
      token: input.NextToken,
    }),
    run: async (scope, { ids, wanted, token }) => {
      const after = token === undefined ? undefined : decodePageToken(tokenScope(scope), token);
      if (token !== undefined && after === undefined)
        throw invalidParameter('NextToken', 'one that the page before answered');
      const fitting = (await deps.tags.keysOf(scope, ids)).filter(({ tags }) =>
        wanted.every(({ key, value }) =>
          tags.some((tag) => tag.key === key && (value === undefined || tag.value === value)),
        ),
      );
      const start = fitting.findIndex(
        ({ createdMs, keyId }) =>
          after === undefined || createdMs > after.createdMs || (createdMs === after.createdMs && keyId > after.id),
      );
      const rest = start < 0 ? [] : fitting.slice(start);
      const shown = rest.slice(0, PAGE_SIZE);
      const last = rest.length > PAGE_SIZE ? shown.at(-1) : undefined;
      const tags = shown.flatMap(({ keyId, tags: own }) =>
        own.map(({ key, value }) => ({ ResourceId: keyId, ResourceType: 'key', TagKey: key, TagValue: value })),
      );
      return {
        TagResources: { TagResource: tags },
        ...(last && {
          NextToken: encodePageToken(tokenScope(scope), { createdMs: last.createdMs, id: last.keyId }),
        }),
      };
    },
  });
}

const tokenScope = ({ accountId, regionId }: Scope): string => `kms/ListTagResources/${accountId}/${regionId}`;
