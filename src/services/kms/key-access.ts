import type { Access } from '../../api/action.ts';
import { isKind } from '../../base/errors.ts';
import { keyArn } from '../../kms/key-reference.ts';
import type { ReferenceOptions } from '../../kms/keys.ts';
import type { Key } from '../../metadata/keys.ts';
import type { Scope } from '../../kms/scope.ts';
import type { KmsDependencies } from './dependencies.ts';

/** Permission on all keys of the region, as CreateKey and ListKeys need it. Form of the resource: facts.md 6.3. */
export function keysAccess(scope: Scope, action: string): readonly Access[] {
  return [{ action, resource: `acs:kms:${scope.regionId}:${scope.accountId}:key` }];
}

/** Permission on the key that `reference` names; policies speak of key ids, so an alias is followed. */
export function keyAccess(
  deps: KmsDependencies,
  scope: Scope,
  action: string,
  reference: string,
): Promise<readonly Access[]> {
  return accessTo(scope, action, reference, () => deps.keys.find(scope, reference, { alias: 'allowed' }));
}

/** The same for operations that other accounts may do with a key that is shared with them. */
export function keyUseAccess(
  deps: KmsDependencies,
  scope: Scope,
  action: string,
  reference: string,
): Promise<readonly Access[]> {
  return accessTo(scope, action, reference, () => deps.keys.find(scope, reference, KEY_USE));
}

/** How an operation that uses a key finds it. */
export const KEY_USE = { alias: 'allowed', shared: 'allowed' } as const satisfies ReferenceOptions;
/** The same for operations that take no alias. */
export const SHARED_KEY = { alias: 'refused', shared: 'allowed' } as const satisfies ReferenceOptions;

/** Permission on the key that a ciphertext is under. */
export function ciphertextAccess(
  deps: KmsDependencies,
  scope: Scope,
  action: string,
  ciphertextBlob: string,
): Promise<readonly Access[]> {
  return accessTo(scope, action, '*', () => deps.envelope.keyOf(scope, Buffer.from(ciphertextBlob, 'base64')));
}

export function aliasArn(scope: Scope, aliasName: string): string {
  return `acs:kms:${scope.regionId}:${scope.accountId}:${aliasName}`;
}

/** What does not exist is asked for by the name that the caller used: a refusal then tells nothing. */
async function accessTo(
  scope: Scope,
  action: string,
  otherwise: string,
  find: () => Promise<Key>,
): Promise<readonly Access[]> {
  try {
    const key = await find();
    return [{ action, resource: keyArn(key, key.keyId) }];
  } catch (error) {
    if (isKind(error, 'not-found') || isKind(error, 'invalid')) return [{ action, resource: keyArn(scope, otherwise) }];
    throw error;
  }
}
