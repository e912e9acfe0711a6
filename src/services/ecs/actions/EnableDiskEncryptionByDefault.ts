import type { Action } from '../../../api/action.ts';
import type {
  EnableDiskEncryptionByDefaultInput,
  EnableDiskEncryptionByDefaultOutput,
} from '../../../api/generated/ecs.ts';
import { ecsAccess } from '../access.ts';
import { defaultScope, enableDefault } from '../default-encryption.ts';
import type { EcsDependencies } from '../dependencies.ts';

type Parts = Pick<EcsDependencies, 'database' | 'dataKeys' | 'log'>;

/** From now on every new disk of the account in the region is encrypted; disks that exist stay as they are. */
export function EnableDiskEncryptionByDefault(
  deps: Parts,
): Action<EnableDiskEncryptionByDefaultInput, EnableDiskEncryptionByDefaultOutput> {
  return {
    product: 'ecs',
    name: 'EnableDiskEncryptionByDefault',
    access: ({ caller, regionId }) => [ecsAccess('ecs:EnableDiskEncryptionByDefault', caller, regionId, '*')],
    run: async ({ caller, regionId }) => {
      const scope = defaultScope(caller, regionId);
      await enableDefault(deps, scope);
      deps.log.info(scope, 'default encryption switched on');
      return {};
    },
  };
}
