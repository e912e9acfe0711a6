import type { Action } from '../../../api/action.ts';
import { missingParameter } from '../../../api/decode.ts';
import type { SetDeletionProtectionInput, SetDeletionProtectionOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { invalidParameter } from '../errors.ts';
import { keyAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';
import { descriptionParameter } from '../parameter-values.ts';

/** Makes ScheduleKeyDeletion refuse a key, or lifts that. A description is kept as long as the protection. */
export function setDeletionProtection(
  deps: KmsDependencies,
): Action<SetDeletionProtectionInput, SetDeletionProtectionOutput> {
  return kmsAction(deps, {
    name: 'SetDeletionProtection',
    access: (scope, input) => keyAccess(deps, scope, 'kms:SetDeletionProtection', keyOf(input) ?? ''),
    parse: (input) => {
      if (input.KmsInstanceId !== undefined) throw invalidParameter('KmsInstanceId', 'absent: there are no instances');
      const keyId = keyOf(input);
      if (keyId === undefined) throw missingParameter('ProtectedResourceArn');
      const why = descriptionParameter('DeletionProtectionDescription', input.DeletionProtectionDescription ?? '');
      return { keyId, why: input.EnableDeletionProtection ? why : undefined };
    },
    run: async (scope, { keyId, why }) => {
      await deps.keys.protect(scope, keyId, why);
      return {};
    },
  });
}

/** The newer parameter takes ids, the older one ARNs; a key is found by both. */
function keyOf(input: SetDeletionProtectionInput): string | undefined {
  return input.ProtectedResourceArn ?? input.KeyId;
}
