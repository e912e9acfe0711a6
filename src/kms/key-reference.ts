import type { Scope } from './scope.ts';

/** How a request names a key. PURE. Source: facts.md 2.8, "KeyId parameter". */
export type KeyReference =
  | { readonly kind: 'id'; readonly keyId: string }
  | { readonly kind: 'alias'; readonly aliasName: string }
  /** The ARN of a key of another account or region: finds nothing, unless it is shared. */
  | (Scope & { readonly kind: 'foreign'; readonly keyId: string });

const KEY_ARN = /^acs:kms:([^:]*):([^:]*):key\/(.+)$/;

/** Ids belong to `scope`; an ARN must name the same account and region. */
export function parseKeyReference(scope: Scope, text: string): KeyReference {
  if (text.startsWith('alias/')) return { kind: 'alias', aliasName: text };
  const [, regionId, accountId, keyId] = KEY_ARN.exec(text) ?? [];
  if (keyId === undefined || regionId === undefined || accountId === undefined) return { kind: 'id', keyId: text };
  const isOwn = regionId === scope.regionId && accountId === scope.accountId;
  return isOwn ? { kind: 'id', keyId } : { kind: 'foreign', accountId, regionId, keyId };
}

export function keyArn(scope: Scope, keyId: string): string {
  return `acs:kms:${scope.regionId}:${scope.accountId}:key/${keyId}`;
}
