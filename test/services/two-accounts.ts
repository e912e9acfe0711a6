// Two accounts on one cloud, each with one of everything, and every operation there is, called as the front door does.
import assert from 'node:assert/strict';

import type { Action, Caller, Product } from '../../src/api/action.ts';
import { toApiError } from '../../src/rpc/error-response.ts';
import { authorize } from '../../src/rpc/authorize.ts';
import { runActionOnce } from '../../src/rpc/client-token.ts';
import { decodeCall, refuseBadInput } from '../../src/rpc/decode-call.ts';
import type { Exchange, FrontDoor } from '../../src/rpc/exchange.ts';
import { GuessGuard } from '../../src/rpc/guess-guard.ts';
import { RateLimiter } from '../../src/rpc/limit-rate.ts';
import { ReplayGuard } from '../../src/rpc/replay.ts';
import { resolveAction } from '../../src/rpc/resolve-action.ts';
import { silentLogger } from '../../src/base/log.ts';
import { systemRandom } from '../../src/base/system-random.ts';
import { ClientTokens } from '../../src/metadata/client-tokens.ts';
import { accountArn, roleArn } from '../../src/ram/arn.ts';
import { PolicyAuthorizer } from '../../src/ram/authorizer.ts';
import { PolicyDocuments } from '../../src/ram/policy/policy-documents.ts';
import { SessionTokens } from '../../src/ram/session-token.ts';
import { ecsActions } from '../../src/services/ecs/registry.ts';
import { kmsActions } from '../../src/services/kms/registry.ts';
import { ramActions } from '../../src/services/ram/registry.ts';
import { sealdiskActions } from '../../src/services/sealdisk/registry.ts';
import { stsActions } from '../../src/services/sts/registry.ts';
import { headerOf } from './sealdisk/transfer-steps.ts';
import { ACCOUNT, OTHER_ACCOUNT, REGION, TestCloud, ZONE } from './ecs/test-cloud.ts';
import { unrecorded } from '../support/unrecorded.ts';

/** Parameters as a client sends them. */
export type Parameters = Readonly<Record<string, string>>;

export interface Answer {
  readonly status: number;
  /** `OK`, or the code of the refusal. */
  readonly code: string;
  readonly message: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What an account owns, by kind; each a text that names it. */
export type Belongings = Readonly<Record<string, string>>;

export class TwoAccounts implements AsyncDisposable {
  readonly cloud: TestCloud;
  readonly actions: readonly Action[];
  readonly #door: FrontDoor;
  /** What takes long, or could be seen from outside, since it was last emptied: calls of the disk server, secrets opened. */
  work: string[] = [];

  private constructor(cloud: TestCloud) {
    this.cloud = cloud;
    const { parts, kms, database, clock, exports, transfers } = cloud;
    const tokens = new SessionTokens(parts.sealer);
    const documents = new PolicyDocuments();
    const authorizer = new PolicyAuthorizer(database.read, { documents });
    this.actions = [
      ...ecsActions(parts),
      ...kmsActions(kms),
      ...ramActions(parts),
      ...stsActions({ reader: database.read, tokens, clock, random: systemRandom, documents }),
      ...sealdiskActions({ ...parts, exports, transfers, authorizer }),
    ];
    this.#door = {
      clock,
      credentials: { find: () => Promise.resolve(undefined) },
      authorizer,
      audit: unrecorded,
      clientTokens: new ClientTokens(database),
      replayGuard: new ReplayGuard(clock),
      guesses: new GuessGuard(clock, silentLogger, { free: { burst: 1, perSecond: 1 }, delayMs: 1, waitingMax: 1 }),
      rateLimiter: new RateLimiter(clock, { accountPerSecond: 0, operationPerSecond: 0 }),
      owner: 'test',
      defaultRegion: REGION,
      findAction: (product, name) => this.actions.find((action) => action.product === product && action.name === name),
    };
    cloud.plane.before = (method) => void this.work.push(`disk server ${method}`);
    const { sealer } = parts;
    const open = sealer.open.bind(sealer);
    sealer.open = (context, sealed) => {
      this.work.push(`opened ${context.split(':')[0]}`);
      return open(context, sealed);
    };
  }

  static async open(): Promise<TwoAccounts> {
    return new TwoAccounts(await TestCloud.open());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cloud[Symbol.asyncDispose]();
  }

  has(product: Product, name: string): boolean {
    return this.#door.findAction(product, name) !== undefined;
  }

  /** The header of a stream that is being sent. */
  streamHeader(transferId: string): string {
    return headerOf(this.cloud.plane.transfers.stream(transferId));
  }

  /** Everything that the front door does once it knows who asks. */
  async call(accountId: string, product: Product, action: string, parameters: Parameters): Promise<Answer> {
    const caller: Caller = {
      accountId,
      arn: accountArn(accountId),
      principalType: 'Account',
      accessKeyId: `LTAI${accountId}`,
      sourceIp: '127.0.0.1',
    };
    const exchange: Exchange = {
      http: {
        method: 'POST',
        path: '/',
        rawQuery: '',
        headers: new Map(),
        body: new Uint8Array(),
        sourceIp: '127.0.0.1',
        secureTransport: false,
      },
      uuid: '00000000-0000-0000-0000-000000000000',
      signal: new AbortController().signal,
      parameters: new Map(Object.entries({ RegionId: REGION, ...parameters })),
      product,
      actionName: action,
      caller,
    };
    try {
      for (const step of [resolveAction, decodeCall, authorize, refuseBadInput, runActionOnce])
        await step(exchange, this.#door);
      return { status: 200, code: 'OK', message: '', body: exchange.body ?? {} };
    } catch (error) {
      const { httpStatus, code, message } = toApiError(error, product);
      return { status: httpStatus, code, message: error instanceof Error ? `${message}` : '', body: {} };
    }
  }

  /** The same, which must work. */
  async must(accountId: string, product: Product, action: string, parameters: Parameters): Promise<Answer['body']> {
    const answer = await this.call(accountId, product, action, parameters);
    assert.equal(answer.status, 200, `${product} ${action}: ${answer.code} ${answer.message}`);
    return answer.body;
  }

  /** One of everything for an account; `name` is in the names of what has one. */
  async furnish(accountId: string, name: string): Promise<Belongings> {
    const must = (product: Product, action: string, parameters: Parameters): Promise<Answer['body']> =>
      this.must(accountId, product, action, parameters);
    const text = (body: Answer['body'], ...path: readonly string[]): string => {
      let value: unknown = body;
      for (const step of path) value = (value as Record<string, unknown> | undefined)?.[step];
      assert.ok(typeof value === 'string', `${path.join('.')} is no text: ${JSON.stringify(body)}`);
      return value;
    };
    await must('kms', 'OpenKmsService', {});
    await this.cloud.allowDiskRole({ account: accountId });
    const key = await must('kms', 'CreateKey', {});
    const keyId = text(key, 'KeyMetadata', 'KeyId');
    const aliasName = `alias/${name}-alias`;
    await must('kms', 'CreateAlias', { KeyId: keyId, AliasName: aliasName });
    const sealed = await must('kms', 'Encrypt', { KeyId: keyId, Plaintext: 'c2VjcmV0' });
    const disk = { ZoneId: ZONE, DiskCategory: 'cloud_essd', Size: '20', Encrypted: 'true', KMSKeyId: keyId };
    const diskId = text(await must('ecs', 'CreateDisk', disk), 'DiskId');
    await this.cloud.useDisk(diskId, `secret of ${name}`, accountId);
    const snapshot = await must('ecs', 'CreateSnapshot', { DiskId: diskId, SnapshotName: `${name}-snapshot` });
    const snapshotId = text(snapshot, 'SnapshotId');
    const exportedDiskId = text(await must('ecs', 'CreateDisk', disk), 'DiskId');
    const exported = await must('sealdisk', 'ExportDisk', { DiskId: exportedDiskId });
    const exportedSnapshot = await must('sealdisk', 'ExportSnapshot', { SnapshotId: snapshotId });
    const transfer = await must('sealdisk', 'StartSnapshotSend', { SnapshotId: snapshotId });
    await this.cloud.useDisk(diskId, `more of ${name}`, accountId);
    const newer = text(await must('ecs', 'CreateSnapshot', { DiskId: diskId }), 'SnapshotId');
    const increment = await must('sealdisk', 'StartSnapshotSend', { SnapshotId: newer, BaseSnapshotId: snapshotId });
    const trust = {
      Version: '1',
      Statement: [{ Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: ['ecs.aliyuncs.com'] } }],
    };
    const roleName = `${name}-role`;
    await must('ram', 'CreateRole', { RoleName: roleName, AssumeRolePolicyDocument: JSON.stringify(trust) });
    const policyName = `${name}-policy`;
    await must('ram', 'CreatePolicy', { PolicyName: policyName, PolicyDocument: POLICY });
    await must('ram', 'AttachPolicyToRole', { PolicyType: 'Custom', PolicyName: policyName, RoleName: roleName });
    const pair = await must('kms', 'CreateKey', { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT/DECRYPT' });
    const signing = await must('kms', 'CreateKey', { KeySpec: 'EC_P256', KeyUsage: 'SIGN/VERIFY' });
    const plainDiskId = text(await must('ecs', 'CreateDisk', { ZoneId: ZONE, Size: '20' }), 'DiskId');
    await this.cloud.useDisk(plainDiskId, `system of ${name}`, accountId);
    const system = text(await must('ecs', 'CreateSnapshot', { DiskId: plainDiskId }), 'SnapshotId');
    const mapping = { 'DiskDeviceMapping.1.SnapshotId': system, 'DiskDeviceMapping.1.DiskType': 'system' };
    const image = await must('ecs', 'CreateImage', { ...mapping, ImageName: `${name}-image` });
    await must('ecs', 'EnableDiskEncryptionByDefault', {});
    const others = await this.#furnishUsers(accountId, name);
    return {
      keyId,
      keyArn: text(key, 'KeyMetadata', 'Arn'),
      keyVersionId: text(sealed, 'KeyVersionId'),
      rsaKeyId: text(pair, 'KeyMetadata', 'KeyId'),
      rsaKeyVersionId: text(pair, 'KeyMetadata', 'PrimaryKeyVersion'),
      signingKeyId: text(signing, 'KeyMetadata', 'KeyId'),
      signingKeyVersionId: text(signing, 'KeyMetadata', 'PrimaryKeyVersion'),
      aliasName,
      aliasArn: `acs:kms:${REGION}:${accountId}:${aliasName}`,
      ciphertextBlob: text(sealed, 'CiphertextBlob'),
      diskId,
      exportedDiskId,
      snapshotId,
      snapshotName: `${name}-snapshot`,
      imageId: text(image, 'ImageId'),
      exportId: text(exported, 'ExportId'),
      snapshotExportId: text(exportedSnapshot, 'ExportId'),
      transferId: text(transfer, 'TransferId'),
      incrementTransferId: text(increment, 'TransferId'),
      roleName,
      roleArn: roleArn(accountId, roleName),
      policyName,
      marker: text(await must('ram', 'ListRoles', { MaxItems: '1' }), 'Marker'),
      ...others,
    };
  }

  /** What there are operations for. */
  async #furnishUsers(accountId: string, name: string): Promise<Belongings> {
    const made: Record<string, string> = {};
    if (this.has('ram', 'CreateUser')) {
      made['userName'] = `${name}-user`;
      await this.must(accountId, 'ram', 'CreateUser', { UserName: `${name}-user` });
    }
    if (this.has('ram', 'CreateAccessKey')) {
      const { AccessKey } = await this.must(accountId, 'ram', 'CreateAccessKey', { UserName: `${name}-user` });
      made['accessKeyId'] = String((AccessKey as { AccessKeyId: string }).AccessKeyId);
    }
    if (this.has('ram', 'CreateGroup')) {
      made['groupName'] = `${name}-group`;
      await this.must(accountId, 'ram', 'CreateGroup', { GroupName: `${name}-group` });
    }
    return made;
  }

  /** Every row of `accountId`, and every row without an account that names one of `belongings`. */
  async rowsOf(accountId: string, belongings: Belongings): Promise<string> {
    const { queries } = this.cloud.database.read;
    const names = Object.values(belongings);
    const found: string[] = [];
    for (const { name, columns } of await queries.introspection.getTables()) {
      const hasOwner = columns.some((column) => column.name === 'account_id');
      const all = queries.selectFrom(name).selectAll();
      for (const row of await (hasOwner ? all.where('accountId', '=', accountId) : all).execute()) {
        const shown = JSON.stringify(row, (_key, value: unknown) =>
          value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
        );
        if (hasOwner || names.some((one) => shown.includes(one))) found.push(`${name} ${shown}`);
      }
    }
    return found.toSorted().join('\n');
  }
}

export const POLICY = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"ecs:*","Resource":"*"}]}';

export { ACCOUNT as MALLORY, OTHER_ACCOUNT as VICTIM };
