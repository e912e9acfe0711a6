import { findDisk } from '../metadata/disks.ts';
import { findImage } from '../metadata/images.ts';
import { findKey } from '../metadata/keys.ts';
import { findPolicy } from '../metadata/policies.ts';
import type { Reader } from '../metadata/reader.ts';
import { findRole } from '../metadata/roles.ts';
import { findSnapshot } from '../metadata/snapshots.ts';
import type { Tag } from '../metadata/tags.ts';
import { parseArn } from './arn.ts';
import type { ConditionContext } from './policy/condition-values.ts';

/** What conditions call the tags of a resource: by its service, and the same for all. */
const ANY_SERVICE = 'acs:ResourceTag/';
const SERVICES = ['kms', 'ecs', 'ram'];
const PREFIXES = [ANY_SERVICE.toLowerCase(), ...SERVICES.map((service) => `${service}:tag/`)];

/** Whether a condition key, as keys are compared, asks for tags of the resource. */
export function asksForTags(conditionKey: string): boolean {
  return PREFIXES.some((prefix) => conditionKey.startsWith(prefix));
}

interface Tagged {
  readonly accountId: string;
  readonly tags: readonly Tag[];
}

/** Finds what carries tags, by service and kind of the resource's name. */
const FIND: Readonly<Record<string, (reader: Reader, accountId: string, id: string) => Promise<Tagged | undefined>>> = {
  'kms key': (reader, _accountId, id) => findKey(reader, id),
  'ecs disk': (reader, _accountId, id) => findDisk(reader, id),
  'ecs snapshot': (reader, _accountId, id) => findSnapshot(reader, id),
  'ecs image': (reader, _accountId, id) => findImage(reader, id),
  'ram role': findRole,
  'ram policy': findPolicy,
};

/** `kms:tag/<key>` and `acs:ResourceTag/<key>` of the resource as it is now; empty when there is no such resource. */
export async function resourceTagContext(reader: Reader, resource: string): Promise<ConditionContext> {
  const arn = parseArn(resource);
  const [kind = '', id = ''] = (arn?.relativeId ?? '').split('/');
  if (arn === undefined || id === '') return {};
  const found = await FIND[`${arn.service} ${kind}`]?.(reader, arn.accountId, id);
  if (found?.accountId !== arn.accountId) return {};
  return Object.fromEntries(
    found.tags.flatMap(({ key, value }) => [
      [`${arn.service}:tag/${key}`, value],
      [`${ANY_SERVICE}${key}`, value],
    ]),
  );
}

/** Adds what `kms:tag/<key>` and its like say under the name that is the same for all services. */
export function withResourceTags(context: ConditionContext): ConditionContext {
  const tags = Object.entries(context).flatMap(([name, value]) => {
    const prefix = SERVICES.map((service) => `${service}:tag/`).find((start) => name.startsWith(start));
    return prefix === undefined ? [] : [[`${ANY_SERVICE}${name.slice(prefix.length)}`, value] as const];
  });
  return { ...context, ...Object.fromEntries(tags) };
}
