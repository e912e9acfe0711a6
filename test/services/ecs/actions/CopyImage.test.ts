import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { CopyImageInput } from '../../../../src/api/generated/ecs.ts';
import { images, updateImage } from '../../../../src/metadata/images.ts';
import { snapshots } from '../../../../src/metadata/snapshots.ts';
import { CopyImage } from '../../../../src/services/ecs/actions/CopyImage.ts';
import { EnableDiskEncryptionByDefault } from '../../../../src/services/ecs/actions/EnableDiskEncryptionByDefault.ts';
import { ModifyDiskDefaultKMSKeyId } from '../../../../src/services/ecs/actions/ModifyDiskDefaultKMSKeyId.ts';
import { dataKeyOfSnapshot, openDataKey } from '../../../../src/services/ecs/stored-data-key.ts';
import { combinations, expectedOf } from '../images/copy-matrix.ts';
import { copied, copy, imageOf, imageWith, openTwoRegions, systemSnapshot } from '../images/copy-steps.ts';
import { ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, refusal, REGION, TestCloud } from '../test-cloud.ts';

async function contentOf(cloud: TestCloud, snapshotId: string): Promise<string> {
  const snapshot = await cloud.snapshot(snapshotId);
  const copyId = `d-bp1read${snapshotId.slice(9)}`;
  using source = await openDataKey(cloud.parts.dataKeys, dataKeyOfSnapshot(snapshot));
  const key = { suite: snapshot.suite, key: new Uint8Array(32).fill(1) };
  const identity = { diskId: copyId, sizeBytes: 20 * 2 ** 30, encrypted: false, wrappedKey: new Uint8Array([1]) };
  await cloud.plane.cloneDisk(
    { diskId: snapshot.sourceDiskId, snapshotId, dataKey: source, pin: undefined },
    identity,
    key,
  );
  return cloud.plane.content(copyId);
}

test('M18a: every combination of an own image: the copy has the bytes, under the key of the matrix and a data key of its own', async (t) => {
  for (const byDefault of [false, true]) {
    await using cloud = await openTwoRegions();
    let isIndependent: boolean | undefined;
    const clone = cloud.plane.cloneDisk.bind(cloud.plane);
    cloud.plane.cloneDisk = (source, disk, key, options) => {
      isIndependent = options?.independent;
      return clone(source, disk, key, options);
    };
    const sourceKey = await cloud.createKey();
    const given = {
      same: await cloud.createKey(),
      across: await cloud.createKey('Aliyun_SM4', { region: OTHER_REGION }),
    };
    const sources = {
      plain: await imageWith(cloud, 'plain bytes'),
      encrypted: await imageWith(cloud, 'secret bytes', { Encrypted: true, KMSKeyId: sourceKey }),
    };
    const ofDefault = {
      same: await cloud.createKey(),
      across: await cloud.createKey('Aliyun_AES_256', { region: OTHER_REGION }),
    };
    if (byDefault)
      for (const [region, KMSKeyId] of [
        [REGION, ofDefault.same],
        [OTHER_REGION, ofDefault.across],
      ] as const) {
        await cloud.call(EnableDiskEncryptionByDefault(cloud.parts), { RegionId: region });
        await cloud.call(ModifyDiskDefaultKMSKeyId(cloud.parts), { RegionId: region, KMSKeyId });
      }
    for (const combination of combinations().filter((one) => one.origin === 'own' && one.byDefault === byDefault))
      await t.test(`${JSON.stringify(combination)} is ${expectedOf(combination)}`, async () => {
        const { encrypted, place, Encrypted, key } = combination;
        const source = await imageOf(cloud, encrypted ? sources.encrypted : sources.plain);
        const input: Partial<CopyImageInput> = {
          ...(place === 'across' && { DestinationRegionId: OTHER_REGION }),
          ...(Encrypted !== undefined && { Encrypted }),
          ...(key && { KMSKeyId: given[place] }),
        };
        const [status, code] = expectedOf(combination).split(' ');
        if (/^\d/.test(status ?? '')) {
          const before = await images.findAll(cloud.database.read, {});
          await cloud.refuses(() => copy(cloud, source.imageId, input), code ?? '', Number(status));
          assert.deepEqual(await images.findAll(cloud.database.read, {}), before);
          return;
        }
        const made = await copied(cloud, source.imageId, input);
        const [from, to] = [await systemSnapshot(cloud, source), await systemSnapshot(cloud, made)];
        assert.deepEqual([made.status, made.failure, made.progress], ['Available', null, 100]);
        const isSealedAnew = !['plain', 'same key'].includes(expectedOf(combination));
        assert.equal(isIndependent, isSealedAnew, 'what another key sealed is sealed anew');
        assert.deepEqual([made.sourceImageId, made.sourceRegionId], [source.imageId, REGION]);
        const regionId = place === 'same' ? REGION : OTHER_REGION;
        assert.deepEqual([made.regionId, to.regionId, to.status], [regionId, regionId, 'accomplished']);
        const service = await cloud.parts.dataKeys.choose({ accountId: ACCOUNT, regionId });
        const keyOf: Record<string, string | null> = {
          plain: null,
          'given key': given[place],
          'same key': sourceKey,
          'default key': ofDefault[place],
          'service key': service,
        };
        assert.equal(to.kmsKeyId, keyOf[expectedOf(combination)]);
        assert.equal(to.encrypted, to.kmsKeyId !== null);
        assert.equal(to.suite, key && place === 'across' ? 'sm4-gcm' : 'aes-256-gcm');
        assert.equal(await contentOf(cloud, to.snapshotId), encrypted ? 'secret bytes' : 'plain bytes');
        using former = await openDataKey(cloud.parts.dataKeys, dataKeyOfSnapshot(from));
        using own = await openDataKey(cloud.parts.dataKeys, dataKeyOfSnapshot(to));
        assert.notDeepEqual(own.key, former.key);
        assert.deepEqual(made.devices[1], { device: '/dev/xvdb', type: 'data', snapshotId: null, sizeGib: 5 });
        assert.ok(!cloud.plane.diskIds.includes(to.sourceDiskId), 'the store of the copy is gone, its snapshot is not');
      });
  }
});

test('what the request and the source say of it is in the copy', async () => {
  await using cloud = await openTwoRegions();
  const source = await imageOf(cloud, await imageWith(cloud, 'x', {}, { name: 'source' }));
  const made = await copied(cloud, source.imageId, {
    DestinationRegionId: OTHER_REGION,
    DestinationImageName: 'copy',
    DestinationDescription: 'about the copy',
    Tag: [{ Key: 'k', Value: 'v' }],
  });
  const { name, description, family, tags, platform, osType, architecture, bootMode, version, sizeGib } = made;
  assert.deepEqual([name, description, family, tags], ['copy', 'about the copy', '', [{ key: 'k', value: 'v' }]]);
  const { name: _name, description: _text, family: _family, tags: _tags, ...facts } = source;
  assert.deepEqual({ ...facts, platform, osType, architecture, bootMode, version, sizeGib }, facts);
});

test('M10: a copy needs the keys of both sides, in each state of the key and of the role', async () => {
  await using cloud = await openTwoRegions();
  const [sourceKey, givenKey] = [await cloud.createKey(), await cloud.createKey()];
  const source = await imageWith(cloud, 'x', { Encrypted: true, KMSKeyId: sourceKey });
  const attempt = () => copy(cloud, source, { Encrypted: true, KMSKeyId: givenKey });
  for (const keyId of [sourceKey, givenKey]) {
    await cloud.disableKey(keyId);
    await cloud.refuses(attempt, 'InvalidParameter.KMSKeyId.CMKNotEnabled', 403);
    await cloud.enableKey(keyId);
  }
  await cloud.removeDiskRole();
  await cloud.refuses(attempt, 'InvalidParameter.KMSKeyId.KMSUnauthorized', 403);
  await cloud.allowDiskRole();
  const rsa = { Encrypted: true, KMSKeyId: await cloud.createKey('RSA_2048') };
  await cloud.refuses(() => copy(cloud, source, rsa), 'InvalidKMSKeyId.NotSymmetric', 400);
  const unknown = { Encrypted: true, KMSKeyId: '00000000-0000-0000-0000-000000000000' };
  await cloud.refuses(() => copy(cloud, source, unknown), 'InvalidParameter.KMSKeyId.NotFound', 404);
  const foreign = { Encrypted: true, KMSKeyId: givenKey, DestinationRegionId: OTHER_REGION };
  await cloud.refuses(() => copy(cloud, source, foreign), 'InvalidParameter.KMSKeyId.NotFound', 404);
  await cloud.destroyKey(sourceKey);
  await cloud.refuses(attempt, 'InvalidParameter.KMSKeyId.NotFound', 404);
});

test('M2: where KMS is not open, nothing encrypted is copied to', async () => {
  await using cloud = await TestCloud.ready();
  const source = await imageWith(cloud, 'x');
  const attempt = () => copy(cloud, source, { Encrypted: true, DestinationRegionId: OTHER_REGION });
  await cloud.refuses(attempt, 'InvalidParameter.KmsNotEnabled', 400);
});

test('refused requests answer their documented code and make nothing', async () => {
  await using cloud = await openTwoRegions();
  const source = await imageWith(cloud, 'x', {}, { name: 'taken' });
  const across = { DestinationRegionId: OTHER_REGION };
  const refused: readonly (readonly [Partial<CopyImageInput>, string, number])[] = [
    [{ RegionId: 'cn-nowhere' }, 'SourceRegion.NotFound', 400],
    [{ DestinationRegionId: 'cn-nowhere' }, 'DestinationRegion.NotFound', 400],
    [{ ...across, ImageId: 'm-bp1000000000000000000' }, 'InvalidImageId.NotFound', 404],
    [{ ...across, RegionId: OTHER_REGION, Encrypted: true }, 'InvalidImageId.NotFound', 404],
    [{ ...across, DestinationImageName: '1x' }, 'InvalidImageName.Malformed', 400],
    [{ ...across, DestinationDescription: 'http://x' }, 'InvalidDescription.Malformed', 400],
    [{ ...across, Tag: [{ Key: 'acs:x' }] }, 'InvalidTagKey.Malformed', 400],
    [{ Encrypted: true, DestinationImageName: 'taken' }, 'InvalidImageName.Duplicated', 400],
    [{ ...across, EncryptAlgorithm: 'AES-256' }, 'InvalidEncrypted.NotMatchEncryptAlgorithm', 400],
    [{ Encrypted: true, EncryptAlgorithm: 'SM4-128' }, 'InvalidEncryptAlgorithm', 400],
    [{ ...across, DryRun: true }, 'DryRunOperation', 400],
  ];
  for (const [input, code, httpStatus] of refused)
    await cloud.refuses(() => copy(cloud, source, input), code, httpStatus);
  await refusal(copy(cloud, source, across, { account: OTHER_ACCOUNT }), 'InvalidImageId.NotFound', 404);
  for (const [status, code, httpStatus] of [
    ['Creating', 'IncorrectImageStatus', 400],
    ['Deprecated', 'OperationDenied.InvalidImageStatus', 403],
  ] as const) {
    await cloud.database.transact((transaction) => updateImage(transaction, source, { status }));
    await refusal(copy(cloud, source, across), code, httpStatus);
  }
  assert.equal((await images.findAll(cloud.database.read, {})).length, 1);
  assert.equal((await snapshots.findAll(cloud.database.read, {})).length, 1);
});

test('permission: ecs:CopyImage on the image and on images of the destination', async () => {
  await using cloud = await TestCloud.open();
  const call = cloud.callOf({ RegionId: REGION, ImageId: 'm-1', DestinationRegionId: OTHER_REGION });
  assert.deepEqual(await CopyImage(cloud.parts).access(call), [
    { action: 'ecs:CopyImage', resource: `acs:ecs:${REGION}:${ACCOUNT}:image/m-1` },
    { action: 'ecs:CopyImage', resource: `acs:ecs:${OTHER_REGION}:${ACCOUNT}:image/*` },
  ]);
});
