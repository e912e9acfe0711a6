import type { Action } from '../../../api/action.ts';
import type { DescribeZonesInput, DescribeZonesOutput } from '../../../api/generated/ecs.ts';
import { ecsAccess } from '../access.ts';
import { localNameIn } from '../languages.ts';
import { DISK_CATEGORIES } from '../disk-categories.ts';
import { checkedChoice } from '../query-filters.ts';
import { findRegion } from '../regions.ts';
import { unknownRegion } from '../refusals.ts';

/** The zones of a region and what can be made there: disks. Instance lists stay empty while there are no instances. */
export function DescribeZones(): Action<DescribeZonesInput, DescribeZonesOutput> {
  return {
    product: 'ecs',
    name: 'DescribeZones',
    access: ({ caller, regionId }) => [ecsAccess('ecs:DescribeZones', caller, regionId, '*')],
    run: async ({ input, regionId }) => {
      const localName = localNameIn(input.AcceptLanguage);
      checkedChoice(input.InstanceChargeType, ['PrePaid', 'PostPaid'], undefined, {
        code: 'InvalidInstanceChargeType.NotFound',
        httpStatus: 404,
        parameter: 'InstanceChargeType',
      });
      checkedChoice(input.SpotStrategy, ['NoSpot', 'SpotWithPriceLimit', 'SpotAsPriceGo'], undefined, {
        code: 'InvalidSpotStrategy',
        httpStatus: 400,
        parameter: 'SpotStrategy',
      });
      const region = findRegion(regionId);
      if (region === undefined) throw unknownRegion(regionId);
      return {
        Zones: {
          Zone: region.zoneIds.map((zoneId) => {
            const letter = zoneId.slice(-1).toUpperCase();
            return {
              ZoneId: zoneId,
              LocalName: localName({ zh: `${region.city.zh} 可用区${letter}`, en: `${region.city.en} Zone ${letter}` }),
              ZoneType: 'AvailabilityZone',
              AvailableResourceCreation: { ResourceTypes: ['Disk'] },
              AvailableDiskCategories: { DiskCategories: DISK_CATEGORIES },
              AvailableInstanceTypes: { InstanceTypes: [] },
              AvailableVolumeCategories: { VolumeCategories: [] },
              AvailableDedicatedHostTypes: { DedicatedHostType: [] },
              DedicatedHostGenerations: { DedicatedHostGeneration: [] },
              AvailableResources: {
                ResourcesInfo: input.Verbose === false ? [] : [resources()],
              },
            };
          }),
        },
      };
    },
  };
}

function resources() {
  return {
    IoOptimized: true,
    DataDiskCategories: { supportedDataDiskCategory: DISK_CATEGORIES },
    SystemDiskCategories: { supportedSystemDiskCategory: [] },
    InstanceGenerations: { supportedInstanceGeneration: [] },
    InstanceTypeFamilies: { supportedInstanceTypeFamily: [] },
    InstanceTypes: { supportedInstanceType: [] },
    NetworkTypes: { supportedNetworkCategory: [] },
  };
}
