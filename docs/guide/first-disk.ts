// Creates an encrypted disk with the vendor's SDK and prints its id: node bin/node.js docs/guide/first-disk.ts
import Client from '@alicloud/pop-core';

const {
  ALIBABA_CLOUD_ACCESS_KEY_ID: accessKeyId = '',
  ALIBABA_CLOUD_ACCESS_KEY_SECRET: accessKeySecret = '',
  ALIBABA_CLOUD_REGION_ID: RegionId = '',
  ALIBABA_CLOUD_ENDPOINT: address = '',
} = process.env;
const endpoint = `http://${address}`;
const kms = new Client({ endpoint, accessKeyId, accessKeySecret, apiVersion: '2016-01-20' });
const ecs = new Client({ endpoint, accessKeyId, accessKeySecret, apiVersion: '2014-05-26' });

const { AccountStatus } = await kms.request<{ AccountStatus: string }>('DescribeAccountKmsStatus', { RegionId });
if (AccountStatus !== 'Enabled') await kms.request('OpenKmsService', { RegionId });

const { DiskId } = await ecs.request<{ DiskId: string }>('CreateDisk', {
  RegionId,
  ZoneId: `${RegionId}-b`,
  DiskCategory: 'cloud_essd',
  Size: 20,
  Encrypted: true,
});
console.log(DiskId);
