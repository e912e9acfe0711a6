import type { Action } from '../../../api/action.ts';
import type { DescribeRegionsInput, DescribeRegionsOutput } from '../../../api/generated/ecs.ts';
import { ecsAccess } from '../access.ts';
import { localNameIn } from '../languages.ts';
import { checkedChoice } from '../query-filters.ts';
import { REGIONS } from '../regions.ts';

/** Every region of the catalogue. `RegionEndpoint` is this server itself, so that a client that follows it stays here. */
export function DescribeRegions(deps: {
  /** `host:port` of the API. */
  readonly apiAddress: string;
}): Action<DescribeRegionsInput, DescribeRegionsOutput> {
  return {
    product: 'ecs',
    name: 'DescribeRegions',
    access: ({ caller, regionId }) => [ecsAccess('ecs:DescribeRegions', caller, regionId, '*')],
    run: async ({ input }) => {
      const localName = localNameIn(input.AcceptLanguage);
      checkedChoice(input.ResourceType, ['instance', 'disk', 'reservedinstance', 'scu'], undefined, {
        code: 'InvalidResourceType.NotFound',
        httpStatus: 404,
        parameter: 'ResourceType',
      });
      return {
        Regions: {
          Region: REGIONS.map((region) => ({
            RegionId: region.regionId,
            LocalName: localName(region.localName),
            RegionEndpoint: deps.apiAddress,
            Status: 'available',
          })),
        },
      };
    },
  };
}
