import { DescribeDiskDefaultKMSKeyId } from '../../../src/services/ecs/actions/DescribeDiskDefaultKMSKeyId.ts';
import { DescribeDiskEncryptionByDefaultStatus } from '../../../src/services/ecs/actions/DescribeDiskEncryptionByDefaultStatus.ts';
import { EnableDiskEncryptionByDefault } from '../../../src/services/ecs/actions/EnableDiskEncryptionByDefault.ts';
import { REGION, type Asker, type TestCloud } from './test-cloud.ts';

/** Default encryption as the API tells of it. */
export const defaultKey = async (cloud: TestCloud, asker: Asker = {}) =>
  (await cloud.call(DescribeDiskDefaultKMSKeyId(cloud.parts), { RegionId: REGION }, asker)).KMSKeyId;

export const isOn = async (cloud: TestCloud, asker: Asker = {}) =>
  (await cloud.call(DescribeDiskEncryptionByDefaultStatus(cloud.parts), { RegionId: REGION }, asker)).Encrypted;

export const switchOn = (cloud: TestCloud, asker: Asker = {}) =>
  cloud.call(EnableDiskEncryptionByDefault(cloud.parts), { RegionId: REGION }, asker);
