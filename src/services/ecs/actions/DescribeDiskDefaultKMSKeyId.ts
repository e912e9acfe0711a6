import type { Action } from '../../../api/action.ts';
import type {
  DescribeDiskDefaultKMSKeyIdInput,
  DescribeDiskDefaultKMSKeyIdOutput,
} from '../../../api/generated/ecs.ts';
import { findDiskEncryptionDefault } from '../../../metadata/disk-encryption-defaults.ts';
import { ecsAccess } from '../access.ts';
import { defaultScope } from '../default-encryption.ts';
import type { EcsDependencies } from '../dependencies.ts';

/** The key of default encryption; empty where that is off (decisions.md B13: asking is no error). */
export function DescribeDiskDefaultKMSKeyId(
  deps: Pick<EcsDependencies, 'database'>,
): Action<DescribeDiskDefaultKMSKeyIdInput, DescribeDiskDefaultKMSKeyIdOutput> {
  return {
    product: 'ecs',
    name: 'DescribeDiskDefaultKMSKeyId',
    access: ({ caller, regionId }) => [ecsAccess('ecs:DescribeDiskDefaultKMSKeyId', caller, regionId, '*')],
    run: async ({ caller, regionId }) => {
      const found = await findDiskEncryptionDefault(deps.database.read, defaultScope(caller, regionId));
      return { KMSKeyId: found?.kmsKeyId ?? '' };
    },
  };
}
