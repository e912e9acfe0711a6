import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { DescribeImagesInput } from '../../../../src/api/generated/ecs.ts';
import { DescribeImages } from '../../../../src/services/ecs/actions/DescribeImages.ts';
import { ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, refusal, REGION, TestCloud, type Asker } from '../test-cloud.ts';
import { putImage } from '../images/image-rows.ts';

type Query = Partial<DescribeImagesInput>;

const describe = (cloud: TestCloud, query: Query = {}, asker: Asker = {}) =>
  cloud.call(DescribeImages(cloud.parts), { RegionId: REGION, ...query }, asker);

/** Own ones; the public images are the catalogue's. */
async function idsOf(cloud: TestCloud, query: Query = {}, asker: Asker = {}): Promise<string[]> {
  const { Images } = await describe(cloud, query, asker);
  return (Images?.Image ?? []).filter((one) => one.ImageOwnerAlias !== 'system').map(({ ImageId }) => ImageId ?? '');
}

test('an image has every documented field, and shows which of its disks are encrypted but no key', async () => {
  await using cloud = await TestCloud.ready();
  const diskId = await cloud.createDisk({ Encrypted: true });
  await cloud.useDisk(diskId);
  const snapshotId = await cloud.createSnapshot(diskId);
  const imageId = await putImage(cloud, {
    name: 'base',
    tags: [{ key: 'k', value: 'v' }],
    devices: [
      { device: '/dev/xvda', type: 'system', snapshotId, sizeGib: 20 },
      { device: '/dev/xvdb', type: 'data', snapshotId: null, sizeGib: 5 },
    ],
  });
  const { Images, ...rest } = await describe(cloud, { ImageId: imageId });
  assert.deepEqual(rest, { RegionId: REGION, PageNumber: 1, PageSize: 10, TotalCount: 1 });
  const mapping = { Progress: '100%', RemainTime: 0, Format: '', ImportOSSBucket: '', ImportOSSObject: '' };
  assert.deepEqual(Images?.Image, [
    {
      ImageId: imageId,
      ImageName: 'base',
      ImageFamily: 'web',
      ImageVersion: '1',
      Description: 'about',
      ImageOwnerAlias: 'self',
      ImageOwnerId: Number(ACCOUNT),
      OSType: 'linux',
      OSName: 'Ubuntu 24.04 64bit',
      OSNameEn: 'Ubuntu 24.04 64bit',
      Platform: 'Ubuntu',
      Architecture: 'x86_64',
      BootMode: 'UEFI',
      Size: 20,
      Usage: 'none',
      Status: 'Available',
      Progress: '100%',
      Usable: true,
      IsCopied: false,
      IsPublic: false,
      IsSelfShared: 'false',
      IsSubscribed: false,
      IsSupportCloudinit: true,
      IsSupportIoOptimized: true,
      ProductCode: '',
      ResourceGroupId: '',
      CreationTime: '2026-11-23T08:00:00Z',
      Tags: { Tag: [{ TagKey: 'k', TagValue: 'v' }] },
      DiskDeviceMappings: {
        DiskDeviceMapping: [
          { Device: '/dev/xvda', Type: 'system', Size: '20', SnapshotId: snapshotId, Encrypted: true, ...mapping },
          { Device: '/dev/xvdb', Type: 'data', Size: '5', SnapshotId: '', Encrypted: false, ...mapping },
        ],
      },
    },
  ]);
});

test('every filter finds the image that has it, and no other', async (t) => {
  await using cloud = await TestCloud.open();
  const one = await putImage(cloud, {
    imageId: 'm-bp1000000000000000001',
    name: 'one',
    family: 'a',
    osType: 'linux',
    architecture: 'x86_64',
    tags: [{ key: 'owner', value: 'a' }],
  });
  cloud.clock.now += 60_000;
  const two = await putImage(cloud, {
    imageId: 'm-bp1000000000000000002',
    name: 'two',
    family: 'b',
    osType: 'windows',
    architecture: 'arm64',
    resourceGroupId: 'rg-1',
  });
  const filters: readonly (readonly [Query, readonly string[]])[] = [
    [{}, [two, one]],
    [{ ImageOwnerAlias: 'self' }, [two, one]],
    [{ ImageOwnerAlias: 'others' }, []],
    [{ ImageOwnerAlias: 'system' }, []],
    [{ ImageOwnerAlias: 'marketplace' }, []],
    [{ ImageOwnerAlias: 'self', ImageOwnerId: Number(ACCOUNT) }, [two, one]],
    [{ ImageOwnerAlias: 'self', ImageOwnerId: Number(OTHER_ACCOUNT) }, []],
    [{ ImageId: one }, [one]],
    [{ ImageId: `${one},m-absent,${two}` }, [two, one]],
    [{ ImageId: '' }, [two, one]],
    [{ ImageName: 'one' }, [one]],
    [{ ImageFamily: 'b' }, [two]],
    [{ OSType: 'linux' }, [one]],
    [{ Architecture: 'arm64' }, [two]],
    [{ ResourceGroupId: 'rg-1' }, [two]],
    [{ SnapshotId: 's-absent' }, []],
    [{ Usage: 'none' }, [two, one]],
    [{ Usage: 'instance' }, []],
    [{ IsPublic: true }, []],
    [{ IsPublic: false }, [two, one]],
    [{ IsSupportCloudinit: true, IsSupportIoOptimized: true }, [two, one]],
    [{ IsSupportCloudinit: false }, []],
    [{ IsSupportIoOptimized: false }, []],
    [{ Tag: [{ Key: 'owner' }] }, [one]],
    [{ Tag: [{ Key: 'owner', Value: 'b' }] }, []],
    [{ Filter: [{ Key: 'CreationStartTime', Value: '2026-11-23T08:00:30Z' }] }, [two]],
    [{ Filter: [{ Key: 'CreationEndTime', Value: '2026-11-23T08:00:30Z' }] }, [one]],
    [{ ActionType: 'CreateEcs' }, [two, one]],
    [{ ImageName: 'one', OSType: 'windows' }, []],
  ];
  for (const [query, ids] of filters)
    await t.test(JSON.stringify(query), async () => assert.deepEqual(await idsOf(cloud, query), ids));
});

test('an image is found by a snapshot of its disks', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  await cloud.useDisk(diskId);
  const snapshotId = await cloud.createSnapshot(diskId);
  const imageId = await putImage(cloud, {
    devices: [{ device: '/dev/xvda', type: 'system', snapshotId, sizeGib: 20 }],
  });
  await putImage(cloud, { imageId: 'm-bp1000000000000000002' });
  assert.deepEqual(await idsOf(cloud, { SnapshotId: snapshotId }), [imageId]);
});

test('only Available ones are found unless Status says otherwise; with Usable, Status has to be given', async () => {
  await using cloud = await TestCloud.open();
  const statuses = ['Available', 'Waiting', 'Creating', 'UnAvailable', 'CreateFailed', 'Deprecated'] as const;
  const ids: Record<string, string> = {};
  for (const [index, status] of statuses.entries()) {
    ids[status] = await putImage(cloud, { imageId: `m-bp100000000000000001${index}`, status });
    cloud.clock.now += 1_000;
  }
  const found = async (query: Query): Promise<readonly string[]> => {
    const seen = await idsOf(cloud, query);
    return statuses.filter((status) => seen.includes(ids[status] ?? ''));
  };
  assert.deepEqual(await found({}), ['Available']);
  assert.deepEqual(await found({ Status: '' }), ['Available']);
  assert.deepEqual(await found({ Status: 'ALL' }), statuses);
  assert.deepEqual(await found({ Status: 'Creating,Deprecated' }), ['Creating', 'Deprecated']);
  assert.deepEqual(await found({ Status: 'ALL', Usable: true }), ['Available', 'Deprecated']);
  assert.deepEqual(await found({ Status: 'Creating,Available', Usable: false }), ['Creating']);
  await refusal(describe(cloud, { Usable: true }), 'MissingParameter', 400);
});

test('pages by number, newest first, with the number of all', async () => {
  await using cloud = await TestCloud.open();
  const ids: string[] = [];
  for (let index = 0; index < 5; index += 1) {
    ids.unshift(await putImage(cloud, { imageId: `m-bp100000000000000001${index}` }));
    cloud.clock.now += 1_000;
  }
  const query = { ImageOwnerAlias: 'self', PageSize: 2 };
  for (const [page, expected] of [ids.slice(0, 2), ids.slice(2, 4), ids.slice(4), []].entries()) {
    const { Images, TotalCount, PageNumber } = await describe(cloud, { ...query, PageNumber: page + 1 });
    assert.deepEqual(
      Images?.Image.map(({ ImageId }) => ImageId),
      expected,
    );
    assert.deepEqual([TotalCount, PageNumber], [5, page + 1]);
  }
});

test('images of other accounts and regions are not found', async () => {
  await using cloud = await TestCloud.open();
  const imageId = await putImage(cloud, { name: 'mine' });
  assert.deepEqual(await idsOf(cloud, { ImageId: imageId }, { account: OTHER_ACCOUNT }), []);
  assert.deepEqual(await idsOf(cloud, { ImageId: imageId, RegionId: OTHER_REGION }), []);
});

test('refused queries answer their documented code', async () => {
  await using cloud = await TestCloud.open();
  const refused: readonly (readonly [Query, string, number])[] = [
    [{ RegionId: 'cn-nowhere' }, 'InvalidRegionId.NotFound', 404],
    [{ ImageOwnerAlias: 'nobody' }, 'InvalidImageOwnerAlias.ValueNotSupported', 400],
    [{ OSType: 'plan9' }, 'InvalidOSType', 404],
    [{ Architecture: 'mips' }, 'InvalidArchitecture', 404],
    [{ Usage: 'disk' }, 'InvalidUsage', 404],
    [{ Status: 'Available,Gone' }, 'InvalidParamter', 400],
    [{ Status: 'ALL,Available' }, 'InvalidParamter', 400],
    [{ ActionType: 'x' }, 'InvalidParamter', 400],
    [{ ImageId: Array.from({ length: 101 }, () => 'm-1').join(',') }, 'InvalidParamter', 400],
    [{ Filter: [{ Key: 'x', Value: 'y' }] }, 'InvalidFilterKey.NotFound', 404],
    [{ Tag: Array.from({ length: 21 }, (_, n) => ({ Key: `k${n}` })) }, 'InvalidTagCount', 400],
    [{ PageNumber: 0 }, 'InvalidParameter', 400],
    [{ PageSize: 101 }, 'InvalidParameter', 400],
    [{ DryRun: true }, 'DryRunOperation', 400],
  ];
  for (const [query, code, httpStatus] of refused) await refusal(describe(cloud, query), code, httpStatus);
});

test('permission: ecs:DescribeImages on the images of the region', async () => {
  await using cloud = await TestCloud.open();
  assert.deepEqual(await DescribeImages(cloud.parts).access(cloud.callOf({ RegionId: REGION })), [
    { action: 'ecs:DescribeImages', resource: `acs:ecs:${REGION}:${ACCOUNT}:image/*` },
  ]);
});
