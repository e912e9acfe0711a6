import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { singleRowKey } from '../../src/metadata/sealed-rows.ts';
import { Database } from '../../src/metadata/database.ts';
import type { DatabaseOptions } from '../../src/metadata/database.ts';
import type { Disk } from '../../src/metadata/disks.ts';
import type { Image } from '../../src/metadata/images.ts';
import type { Key } from '../../src/metadata/keys.ts';
import type { Snapshot } from '../../src/metadata/snapshots.ts';

export const ROW_KEYS = singleRowKey(new Uint8Array(32).fill(7));
export const ACCOUNT = '1234567890123456';
export const REGION = 'cn-hangzhou';

/** A directory that goes away with the test. */
export function tempDir(): Disposable & { readonly path: string } {
  const directory = mkdtempSync(path.join(tmpdir(), 'sealdisk-metadata-'));
  return { path: directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) };
}

export interface TestDatabase extends AsyncDisposable {
  readonly file: string;
  readonly database: Database;
}

/** An empty database of its own. */
export async function openTestDatabase(options: Partial<DatabaseOptions> = {}): Promise<TestDatabase> {
  const directory = tempDir();
  const file = path.join(directory.path, 'metadata.db');
  const database = await Database.open({ file, rowKeys: ROW_KEYS, ...options });
  return {
    file,
    database,
    [Symbol.asyncDispose]: async () => {
      await database[Symbol.asyncDispose]();
      directory[Symbol.dispose]();
    },
  };
}

export function aKey(changes: Partial<Key> = {}): Key {
  return {
    keyId: 'k',
    accountId: ACCOUNT,
    regionId: REGION,
    keySpec: 'Aliyun_AES_256',
    keyUsage: 'ENCRYPT/DECRYPT',
    origin: 'Aliyun_KMS',
    protectionLevel: 'SOFTWARE',
    keyState: 'Enabled',
    description: '',
    creator: ACCOUNT,
    creatorType: 'User',
    primaryVersionId: 'v',
    automaticRotation: false,
    rotationIntervalS: null,
    lastRotationMs: null,
    nextRotationMs: null,
    materialExpireMs: null,
    materialImportedMs: null,
    materialCheck: null,
    deletionProtection: false,
    deletionProtectionDescription: null,
    tags: [],
    policy: null,
    createdMs: 1,
    deleteMs: null,
    ...changes,
  };
}

export function aDisk(changes: Partial<Disk> = {}): Disk {
  return {
    diskId: 'd-bp1000000000000000001',
    accountId: ACCOUNT,
    regionId: REGION,
    zoneId: 'cn-hangzhou-b',
    name: 'data',
    description: 'first',
    type: 'data',
    category: 'cloud_essd',
    performanceLevel: 'PL1',
    provisionedIops: 100,
    burstingEnabled: false,
    sizeGib: 20,
    status: 'Available',
    encrypted: true,
    kmsKeyId: 'key-1',
    suite: 'aes-256-gcm',
    wrappedKey: new Uint8Array([1, 2, 3]),
    wrappedBy: 'kms',
    sourceSnapshotId: 's-1',
    imageId: 'm-1',
    imageOwnerId: ACCOUNT,
    deleteAutoSnapshot: true,
    deleteWithInstance: true,
    enableAutoSnapshot: false,
    autoSnapshotPolicyId: 'sp-1',
    portable: true,
    chargeType: 'PostPaid',
    multiAttach: 'Disabled',
    resourceGroupId: 'rg-1',
    tags: [{ key: 'env', value: 'test' }],
    instanceId: 'i-1',
    device: '/dev/xvdb',
    pin: { sequence: 3, digest: 'ab' },
    createdMs: 1_000,
    attachedMs: 2_000,
    detachedMs: 3_000,
    everAttached: true,
    ...changes,
  };
}

export function aSnapshot(changes: Partial<Snapshot> = {}): Snapshot {
  return {
    snapshotId: 's-bp1000000000000000001',
    accountId: ACCOUNT,
    regionId: REGION,
    sourceDiskId: 'd-1',
    sourceDiskType: 'data',
    sourceInstanceId: 'i-1',
    name: 'nightly',
    description: '',
    type: 'user',
    category: 'standard',
    sizeGib: 20,
    status: 'accomplished',
    progress: 100,
    encrypted: true,
    kmsKeyId: 'key-1',
    suite: 'sm4-gcm',
    wrappedKey: new Uint8Array([4, 5]),
    wrappedBy: 'kms',
    pin: { sequence: 9, digest: 'cd' },
    retentionDays: 7,
    resourceGroupId: 'rg-1',
    tags: [{ key: 'env', value: 'prod' }],
    createdMs: 1_000,
    modifiedMs: 1_500,
    ...changes,
  };
}

/** Every column filled. */
export function anImage(changes: Partial<Image> = {}): Image {
  return {
    imageId: 'm-bp1000000000000000001',
    accountId: ACCOUNT,
    regionId: REGION,
    name: 'base',
    version: '1',
    family: 'web',
    description: 'about',
    status: 'Available',
    progress: 100,
    failure: { code: 'x', message: 'y' },
    architecture: 'x86_64',
    osType: 'linux',
    platform: 'Ubuntu',
    osName: 'Ubuntu 24.04 64bit',
    bootMode: 'UEFI',
    sizeGib: 20,
    devices: [{ device: '/dev/xvda', type: 'system', snapshotId: 's-1', sizeGib: 20 }],
    sourceInstanceId: 'i-1',
    sourceImageId: 'm-0',
    sourceRegionId: 'cn-beijing',
    resourceGroupId: 'rg-1',
    tags: [{ key: 'env', value: 'test' }],
    createdMs: 1_000,
    ...changes,
  };
}
