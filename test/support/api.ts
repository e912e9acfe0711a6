/** The operations that end-to-end tests need, as one call each. */
import { callRpc } from '../../src/api/rpc-client.ts';
import { isoSeconds } from '../../src/base/clock.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import type { NbdAddress } from '../../src/nbd/client-address.ts';
import type { TestServer } from './start-server.ts';

const VERSIONS = {
  ecs: '2014-05-26',
  kms: '2016-01-20',
  ram: '2015-05-01',
  sts: '2015-04-01',
  sealdisk: '2026-11-23',
} as const;

export const REGION = 'cn-hangzhou';
export const ZONE = 'cn-hangzhou-b';
export const ENCRYPT_ROLE = 'AliyunECSDiskEncryptDefaultRole';

export interface ExportAnswer {
  readonly ExportId: string;
  readonly DiskId: string;
  readonly ExportName: string;
  readonly Uri: string;
  readonly UnixUri: string;
  readonly PskIdentity: string;
  readonly Psk: string;
}

export class Api {
  readonly #server: TestServer;

  constructor(server: TestServer) {
    this.#server = server;
  }

  call<Answer>(
    product: keyof typeof VERSIONS,
    action: string,
    parameters: Record<string, string> = {},
  ): Promise<Answer> {
    const { accessKeyId, accessKeySecret } = this.#server.credentials;
    const endpoint = { address: `127.0.0.1:${this.#server.apiPort}`, accessKeyId, accessKeySecret };
    const withRegion = product === 'ecs' ? { RegionId: REGION, ...parameters } : parameters;
    return callRpc<Answer>(endpoint, VERSIONS[product], action, withRegion, isoSeconds(systemClock.nowMs()));
  }

  async openKms(): Promise<void> {
    await this.call('kms', 'OpenKmsService');
  }

  async createKey(spec = 'Aliyun_AES_256'): Promise<string> {
    const { KeyMetadata } = await this.call<{ KeyMetadata: { KeyId: string } }>('kms', 'CreateKey', { KeySpec: spec });
    return KeyMetadata.KeyId;
  }

  /** The role that lets ECS use the account's own keys. */
  async authorizeDiskEncryption(): Promise<void> {
    const trust = {
      Version: '1',
      Statement: [{ Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: ['ecs.aliyuncs.com'] } }],
    };
    await this.call('ram', 'CreateRole', { RoleName: ENCRYPT_ROLE, AssumeRolePolicyDocument: JSON.stringify(trust) });
    await this.call('ram', 'AttachPolicyToRole', {
      RoleName: ENCRYPT_ROLE,
      PolicyType: 'System',
      PolicyName: 'AliyunECSDiskEncryptRolePolicy',
    });
  }

  /** An ESSD PL0 of one GiB, unless told otherwise. */
  async createDisk(parameters: Record<string, string> = {}): Promise<string> {
    const { DiskId } = await this.call<{ DiskId: string }>('ecs', 'CreateDisk', {
      ZoneId: ZONE,
      DiskCategory: 'cloud_essd',
      PerformanceLevel: 'PL0',
      Size: '1',
      ...parameters,
    });
    return DiskId;
  }

  exportDisk(diskId: string, parameters: Record<string, string> = {}): Promise<ExportAnswer> {
    return this.call<ExportAnswer>('sealdisk', 'ExportDisk', { DiskId: diskId, ...parameters });
  }

  async unexport(exportId: string, parameters: Record<string, string> = {}): Promise<void> {
    await this.call('sealdisk', 'UnexportDisk', { ExportId: exportId, ...parameters });
  }

  async createSnapshot(diskId: string): Promise<string> {
    return (await this.call<{ SnapshotId: string }>('ecs', 'CreateSnapshot', { DiskId: diskId })).SnapshotId;
  }
}

/** Where our own client reaches an export on this machine. */
export function unixAddress(exported: ExportAnswer): NbdAddress {
  return { unixSocket: new URL(exported.UnixUri.replace('nbd+unix:', 'http://x')).searchParams.get('socket') ?? '' };
}

/** Where our own client reaches an export over TLS. */
export function tlsAddress(exported: ExportAnswer): NbdAddress {
  const { hostname, port } = new URL(exported.Uri.replace('nbds:', 'http:'));
  return {
    host: hostname,
    port: Number(port),
    pskIdentity: exported.PskIdentity,
    psk: Buffer.from(exported.Psk, 'hex'),
  };
}
