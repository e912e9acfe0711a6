import type { Action } from '../../../api/action.ts';
import type { ModifyDiskDefaultKMSKeyIdInput, ModifyDiskDefaultKMSKeyIdOutput } from '../../../api/generated/ecs.ts';
import { ecsAccess } from '../access.ts';
import { changeDefaultKey, defaultScope } from '../default-encryption.ts';
import type { EcsDependencies } from '../dependencies.ts';

type Parts = Pick<EcsDependencies, 'database' | 'dataKeys' | 'log'>;

/** Another key for default encryption: one that disks could be made under now. Disks that exist keep theirs. */
export function ModifyDiskDefaultKMSKeyId(
  deps: Parts,
): Action<ModifyDiskDefaultKMSKeyIdInput, ModifyDiskDefaultKMSKeyIdOutput> {
  return {
    product: 'ecs',
    name: 'ModifyDiskDefaultKMSKeyId',
    access: ({ caller, regionId }) => [ecsAccess('ecs:ModifyDiskDefaultKMSKeyId', caller, regionId, '*')],
    run: async ({ input, caller, regionId }) => {
      const scope = defaultScope(caller, regionId);
      await changeDefaultKey(deps, scope, input.KMSKeyId);
      deps.log.info(scope, 'default encryption has another key');
      return {};
    },
  };
}
