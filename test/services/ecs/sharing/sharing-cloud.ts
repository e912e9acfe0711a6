// An account that shares images, another one that receives them, and the role between them.
import assert from 'node:assert/strict';

import { SHARING_ROLE } from '../../../../src/kms/receiver-keys.ts';
import type { Image } from '../../../../src/metadata/images.ts';
import { ModifyImageSharePermission } from '../../../../src/services/ecs/actions/ModifyImageSharePermission.ts';
import { attachPolicyToRole } from '../../../../src/services/ram/actions/AttachPolicyToRole.ts';
import { createPolicy } from '../../../../src/services/ram/actions/CreatePolicy.ts';
import { createRole } from '../../../../src/services/ram/actions/CreateRole.ts';
import { deletePolicy } from '../../../../src/services/ram/actions/DeletePolicy.ts';
import { deleteRole } from '../../../../src/services/ram/actions/DeleteRole.ts';
import { detachPolicyFromRole } from '../../../../src/services/ram/actions/DetachPolicyFromRole.ts';
import { updateRole } from '../../../../src/services/ram/actions/UpdateRole.ts';
import { sharingPolicyFor } from '../../../ram/policy/sharing-policy.ts';
import { putImage } from '../images/image-rows.ts';
import { ACCOUNT as SHARER, OTHER_ACCOUNT as RECEIVER, TestCloud } from '../test-cloud.ts';

export { RECEIVER, SHARER };

/** One of those where encrypted images can be shared. */
export const SHARING_REGION = 'cn-beijing';
export const SHARING_ZONE = 'cn-beijing-a';

/** KMS open and the disk role there, for both accounts. */
export async function openSharingCloud(): Promise<TestCloud> {
  const cloud = await TestCloud.open();
  for (const account of [SHARER, RECEIVER]) {
    await cloud.openKms({ account, region: SHARING_REGION });
    await cloud.allowDiskRole({ account });
  }
  return cloud;
}

export const keyOf = (cloud: TestCloud, account = SHARER): Promise<string> =>
  cloud.createKey('Aliyun_AES_256', { account, region: SHARING_REGION });

const trusting = (services: readonly string[]): string =>
  JSON.stringify({
    Version: '1',
    Statement: [{ Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: services } }],
  });

const serviceOf = (account: string): string => `${account}@ecs.aliyuncs.com`;

/** The sharing role of the sharer with exactly the document's policy, for one key. */
export async function allowSharing(
  cloud: TestCloud,
  keyId: string,
  options: { readonly services?: readonly string[]; readonly document?: string } = {},
): Promise<void> {
  const { services = [serviceOf(RECEIVER)], document = sharingPolicyFor(SHARER, keyId) } = options;
  await cloud.call(createRole(cloud.parts), {
    RoleName: SHARING_ROLE,
    AssumeRolePolicyDocument: trusting(services),
  });
  await cloud.call(createPolicy(cloud.parts), { PolicyName: 'share', PolicyDocument: document });
  await cloud.call(attachPolicyToRole(cloud.parts), SHARE_POLICY);
}

const SHARE_POLICY = { RoleName: SHARING_ROLE, PolicyType: 'Custom', PolicyName: 'share' };

/** Lets these accounts, and no others, use the role. */
export async function trust(cloud: TestCloud, accounts: readonly string[]): Promise<void> {
  const document = trusting(accounts.length === 0 ? ['ecs.aliyuncs.com'] : accounts.map(serviceOf));
  await cloud.call(updateRole(cloud.parts), { RoleName: SHARING_ROLE, NewAssumeRolePolicyDocument: document });
}

export async function withdrawPolicy(cloud: TestCloud): Promise<void> {
  await cloud.call(detachPolicyFromRole(cloud.parts), SHARE_POLICY);
}

export async function withdrawRole(cloud: TestCloud): Promise<void> {
  await withdrawPolicy(cloud);
  await cloud.call(deletePolicy(cloud.parts), { PolicyName: 'share' });
  await cloud.call(deleteRole(cloud.parts), { RoleName: SHARING_ROLE });
}

export interface ImageOptions {
  /** Undefined: the service key; null: not encrypted. */
  readonly keyId?: string | null | undefined;
  readonly region?: string;
  readonly zone?: string;
  readonly account?: string;
  readonly content?: string;
  /** Data disks beside the system disk. */
  readonly dataDisks?: number;
  readonly status?: Image['status'];
}

let made = 0;

/** An image with `content` in its system disk. */
export async function makeImage(cloud: TestCloud, options: ImageOptions = {}): Promise<string> {
  const { keyId, region = SHARING_REGION, zone = SHARING_ZONE, account = SHARER, dataDisks = 0 } = options;
  const devices: Image['devices'][number][] = [];
  for (let index = 0; index <= dataDisks; index++) {
    const encryption = keyId === null ? {} : { Encrypted: true, ...(keyId !== undefined && { KMSKeyId: keyId }) };
    const diskId = await cloud.createDisk(
      { RegionId: region, ZoneId: zone, DiskCategory: 'cloud_essd', ...encryption },
      { account },
    );
    await cloud.useDisk(diskId, options.content ?? 'of the image', account);
    const snapshotId = await cloud.createSnapshot(diskId, {}, { account });
    const type = index === 0 ? ('system' as const) : ('data' as const);
    devices.push({ device: `/dev/xvd${'abcdefg'[index] ?? ''}`, type, snapshotId, sizeGib: 20 });
  }
  const imageId = `m-2ze${String((made += 1)).padStart(17, '0')}`;
  const { status = 'Available' } = options;
  return await putImage(cloud, { imageId, accountId: account, regionId: region, devices, status });
}

export async function share(cloud: TestCloud, imageId: string, change: object, region = SHARING_REGION): Promise<void> {
  await cloud.call(ModifyImageSharePermission(cloud.parts), { RegionId: region, ImageId: imageId, ...change });
}

/** An image that the receiver may use. */
export async function makeSharedImage(
  cloud: TestCloud,
  options: ImageOptions = {},
): Promise<{ readonly imageId: string; readonly keyId: string }> {
  const keyId = options.keyId ?? (await keyOf(cloud));
  assert.ok(keyId !== null);
  await allowSharing(cloud, keyId);
  const imageId = await makeImage(cloud, { ...options, keyId });
  await share(cloud, imageId, { AddAccount: [RECEIVER] });
  return { imageId, keyId };
}
