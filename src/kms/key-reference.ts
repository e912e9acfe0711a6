import type { Scope } from './scope.ts';

/** How a request names a key. PURE. Source: facts.md 2.8, "KeyId parameter". */
export type KeyReference =
  | { readonly kind: 'id'; readonly keyId: string }
  | { readonly kind: 'alias'; readonly aliasName: string }
  /** An ARN of another account or region, or no name of a key at all: finds nothing. */
  | { readonly kind: 'foreign' };

const KEY_ARN = /^acs:kms:([^:]*):([^:]*):key\/(.+)$/;

/** Ids belong to `scope`; an ARN must name the same account and region. */
export function parseKeyReference(scope: Scope, text: string): KeyReference {
  if (text.startsWith('alias/')) return { kind: 'alias', aliasName: text };
  const [, regionId, accountId, keyId] = KEY_ARN.exec(text) ?? [];
  if (keyId === undefined) return { kind: 'id', keyId: text };
  return regionId === scope.regionId && accountId === scope.accountId ? { kind: 'id', keyId } : { kind: 'foreign' };
}

export function keyArn(scope: Scope, keyId: string): string {
  return `acs:kms:${scope.regionId}:${scope.accountId}:key/${keyId}`;
}
