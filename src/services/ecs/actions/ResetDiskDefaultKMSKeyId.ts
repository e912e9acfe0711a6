import type { Action } from '../../../api/action.ts';
import type { ResetDiskDefaultKMSKeyIdInput, ResetDiskDefaultKMSKeyIdOutput } from '../../../api/generated/ecs.ts';
import { ecsAccess } from '../access.ts';
import { changeDefaultKey, defaultScope } from '../default-encryption.ts';
import type { EcsDependencies } from '../dependencies.ts';

type Parts = Pick<EcsDependencies, 'database' | 'dataKeys' | 'log'>;

/** Back to the service key. */
export function ResetDiskDefaultKMSKeyId(
  deps: Parts,
): Action<ResetDiskDefaultKMSKeyIdInput, ResetDiskDefaultKMSKeyIdOutput> {
  return {
    product: 'ecs',
    name: 'ResetDiskDefaultKMSKeyId',
    access: ({ caller, regionId }) => [ecsAccess('ecs:ResetDiskDefaultKMSKeyId', caller, regionId, '*')],
    run: async ({ caller, regionId }) => {
      const scope = defaultScope(caller, regionId);
      await changeDefaultKey(deps, scope, undefined);
      deps.log.info(scope, 'default encryption is under the service key again');
      return {};
    },
  };
}
