import type { Action } from '../../../api/action.ts';
import type { ScheduleKeyDeletionInput, ScheduleKeyDeletionOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { invalidParameter } from '../errors.ts';
import { keyAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';

// Source: decisions.md A7.
const WINDOW_DAYS_MIN = 7;
const WINDOW_DAYS_MAX = 366;

/** Stops every use of a key and destroys it when the waiting time is over, unless that is called off. */
export function scheduleKeyDeletion(
  deps: KmsDependencies,
): Action<ScheduleKeyDeletionInput, ScheduleKeyDeletionOutput> {
  return kmsAction(deps, {
    name: 'ScheduleKeyDeletion',
    access: (scope, input) => keyAccess(deps, scope, 'kms:ScheduleKeyDeletion', input.KeyId),
    parse: ({ KeyId: keyId, PendingWindowInDays: days }) => {
      if (!Number.isInteger(days) || days < WINDOW_DAYS_MIN || days > WINDOW_DAYS_MAX)
        throw invalidParameter('PendingWindowInDays', `a whole number from ${WINDOW_DAYS_MIN} to ${WINDOW_DAYS_MAX}`);
      return { keyId, days };
    },
    run: async (scope, { keyId, days }) => {
      await deps.keys.scheduleDeletion(scope, keyId, days);
      return {};
    },
  });
}
