import type { Action } from '../../../api/action.ts';
import type {
  DisableDiskEncryptionByDefaultInput,
  DisableDiskEncryptionByDefaultOutput,
} from '../../../api/generated/ecs.ts';
import { deleteDiskEncryptionDefault } from '../../../metadata/disk-encryption-defaults.ts';
import { ecsAccess } from '../access.ts';
import { defaultScope } from '../default-encryption.ts';
import type { EcsDependencies } from '../dependencies.ts';

type Parts = Pick<EcsDependencies, 'database' | 'log'>;

/** New disks may be unencrypted again; those that exist stay as they are. Where it is off already, this changes nothing. */
export function DisableDiskEncryptionByDefault(
  deps: Parts,
): Action<DisableDiskEncryptionByDefaultInput, DisableDiskEncryptionByDefaultOutput> {
  return {
    product: 'ecs',
    name: 'DisableDiskEncryptionByDefault',
    access: ({ caller, regionId }) => [ecsAccess('ecs:DisableDiskEncryptionByDefault', caller, regionId, '*')],
    run: async ({ caller, regionId }) => {
      const scope = defaultScope(caller, regionId);
      await deps.database.transact((transaction) => deleteDiskEncryptionDefault(transaction, scope));
      deps.log.info(scope, 'default encryption switched off');
      return {};
    },
  };
}
