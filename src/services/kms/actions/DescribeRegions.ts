import type { Action } from '../../../api/action.ts';
import type { DescribeRegionsInput, DescribeRegionsOutput } from '../../../api/generated/kms.ts';
import { REGIONS } from '../../ecs/regions.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { kmsAction } from '../kms-action.ts';

/** Every region of the catalogue. Needs no permission. Source: KMS documentation, "Use RAM to control access to resources". */
export function describeRegions(deps: KmsDependencies): Action<DescribeRegionsInput, DescribeRegionsOutput> {
  return kmsAction(deps, {
    name: 'DescribeRegions',
    worksClosed: true,
    access: () => [],
    parse: () => undefined,
    run: async () => ({ Regions: { Region: REGIONS.map(({ regionId }) => ({ RegionId: regionId })) } }),
  });
}
