import type { Action } from '../../../api/action.ts';
import type { OpenKmsServiceInput, OpenKmsServiceOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { keysAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';

/** Opens KMS for the account in the region; a second time is refused. */
export function openKmsService(deps: KmsDependencies): Action<OpenKmsServiceInput, OpenKmsServiceOutput> {
  return kmsAction(deps, {
    name: 'OpenKmsService',
    worksClosed: true,
    access: (scope) => keysAccess(scope, 'kms:OpenKmsService'),
    parse: () => undefined,
    run: async (scope) => {
      await deps.service.open(scope);
      return {};
    },
  });
}
