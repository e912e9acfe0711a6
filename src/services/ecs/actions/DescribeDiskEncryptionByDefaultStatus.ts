import type { Action } from '../../../api/action.ts';
import type {
  DescribeDiskEncryptionByDefaultStatusInput,
  DescribeDiskEncryptionByDefaultStatusOutput,
} from '../../../api/generated/ecs.ts';
import { findDiskEncryptionDefault } from '../../../metadata/disk-encryption-defaults.ts';
import { ecsAccess } from '../access.ts';
import { defaultScope } from '../default-encryption.ts';
import type { EcsDependencies } from '../dependencies.ts';

/** Whether every new disk of the account in the region is encrypted. */
export function DescribeDiskEncryptionByDefaultStatus(
  deps: Pick<EcsDependencies, 'database'>,
): Action<DescribeDiskEncryptionByDefaultStatusInput, DescribeDiskEncryptionByDefaultStatusOutput> {
  return {
    product: 'ecs',
    name: 'DescribeDiskEncryptionByDefaultStatus',
    access: ({ caller, regionId }) => [ecsAccess('ecs:DescribeDiskEncryptionByDefaultStatus', caller, regionId, '*')],
    run: async ({ caller, regionId }) => {
      const found = await findDiskEncryptionDefault(deps.database.read, defaultScope(caller, regionId));
      return { Encrypted: found !== undefined };
    },
  };
}
