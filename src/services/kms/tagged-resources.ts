import type { Access } from '../../api/action.ts';
import { missingParameter } from '../../api/decode.ts';
import type { Scope } from '../../kms/scope.ts';
import type { KmsDependencies } from './dependencies.ts';
import { invalidParameter } from './errors.ts';
import { keyAccess, keysAccess } from './key-access.ts';

/** What the older tag operations name: keys, certificates and secrets, of which there are only keys here. @throws {ApiError} */
export function taggedKeyParameter(input: {
  readonly KeyId?: string;
  readonly CertificateId?: string;
  readonly SecretName?: string;
}): string {
  for (const name of ['CertificateId', 'SecretName'] as const)
    if (input[name] !== undefined) throw invalidParameter(name, 'absent: only keys have tags here');
  if (input.KeyId === undefined) throw missingParameter('KeyId');
  return input.KeyId;
}

/** Source: ECS and KMS API reference, TagResources, ResourceId.N. */
const RESOURCES_MAX = 50;

/** What the newer tag operations name. @throws {ApiError} InvalidParameter. */
export function taggedKeysParameter(input: {
  readonly ResourceType: string;
  readonly ResourceId?: readonly string[];
}): readonly string[] | undefined {
  if (input.ResourceType !== 'key') throw invalidParameter('ResourceType', 'key');
  const { ResourceId: ids } = input;
  if (ids !== undefined && (ids.length < 1 || ids.length > RESOURCES_MAX))
    throw invalidParameter('ResourceId', `1 to ${RESOURCES_MAX} ids of keys`);
  return ids;
}

/** Permission on each of the keys; without any, on all of them. */
export async function taggedKeysAccess(
  deps: KmsDependencies,
  scope: Scope,
  action: string,
  ids: readonly string[],
): Promise<readonly Access[]> {
  if (ids.length === 0) return keysAccess(scope, action);
  return (await Promise.all(ids.map((id) => keyAccess(deps, scope, action, id)))).flat();
}
