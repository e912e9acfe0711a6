import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Action, Call } from '../../../src/api/action.ts';
import { ApiError } from '../../../src/api/errors.ts';
import type { Clock } from '../../../src/base/clock.ts';
import type { Logger } from '../../../src/base/log.ts';
import { systemRandom } from '../../../src/base/system-random.ts';
import { nodeCipherBackend } from '../../../src/crypto/node-aead.ts';
import { SealedBytes } from '../../../src/kms/sealed-bytes.ts';
import { openKms, type Kms } from '../../../src/kms/kms.ts';
import { DISK_ROLE } from '../../../src/kms/data-keys.ts';
import { insertPolicy } from '../../../src/metadata/policies.ts';
import { insertAccount } from '../../../src/metadata/accounts.ts';
import { singleRowKey } from '../../../src/metadata/sealed-rows.ts';
import { Database } from '../../../src/metadata/database.ts';
import { disks, type Disk } from '../../../src/metadata/disks.ts';
import { diskExports } from '../../../src/metadata/exports.ts';
import { snapshots, type Snapshot } from '../../../src/metadata/snapshots.ts';
import type { KeySpec } from '../../../src/metadata/keys.ts';
import { deleteAttachment, insertAttachment, listAttachments } from '../../../src/metadata/policy-attachments.ts';
import { findRole, deleteRole, insertRole } from '../../../src/metadata/roles.ts';
import { evaluateServiceRole } from '../../../src/ram/roles.ts';
import { finishRemovals } from '../../../src/services/ecs/reconcile.ts';
import type { EcsDependencies } from '../../../src/services/ecs/dependencies.ts';
import { DiskRotations } from '../../../src/services/ecs/disk-rotations.ts';
import { DOCUMENTED_LIMITS } from '../../../src/services/ecs/encryption-limits.ts';
import { ImageFileWork } from '../../../src/services/ecs/images/image-file-work.ts';
import { ImageStore } from '../../../src/services/ecs/images/image-store.ts';
import { ImageCopies } from '../../../src/services/ecs/images/image-copies.ts';
import { CreateDisk } from '../../../src/services/ecs/actions/CreateDisk.ts';
import { CreateSnapshot } from '../../../src/services/ecs/actions/CreateSnapshot.ts';
import { ExportKeeper } from '../../../src/services/sealdisk/export-keeper.ts';
import type { ExportParts } from '../../../src/services/sealdisk/dependencies.ts';
import { PassphraseKeys } from '../../../src/kms/passphrase-keys.ts';
import { TransferKeeper } from '../../../src/services/sealdisk/transfer-keeper.ts';
import type { TransferParts } from '../../../src/services/sealdisk/transfer-parts.ts';
import { memoryConverter } from '../../support/memory-converter.ts';
import { MemoryDataPlane } from '../../support/memory-data-plane.ts';

export const ACCOUNT = '1234567890123456';
export const OTHER_ACCOUNT = '2234567890123456';
export const REGION = 'cn-hangzhou';
export const OTHER_REGION = 'cn-beijing';
export const ZONE = 'cn-hangzhou-g';

export class FakeClock implements Clock {
  now = Date.parse('2026-11-23T08:00:00Z');
  nowMs(): number {
    return this.now;
  }
  monotonicMs(): number {
    return this.now;
  }
  sleep(ms: number): Promise<void> {
    this.now += ms;
    return Promise.resolve();
  }
  every(): Disposable {
    return { [Symbol.dispose]: () => {} };
  }
}

export interface Asker {
  readonly account?: string;
  readonly region?: string;
  readonly idempotencyKey?: string;
}

/**
 * The ECS and export operations on a real database, the real key engine and the real role evaluation, with disks in
 * memory. Two accounts exist; KMS is closed and the disk role missing until a test says otherwise.
 */
export class TestCloud implements AsyncDisposable {
  readonly plane = new MemoryDataPlane();
  readonly clock: FakeClock;
  readonly events: { readonly level: string; readonly message: string; readonly fields: object }[] = [];
  bootId = 'boot-1';
  readonly database: Database;
  readonly kms: Kms;
  readonly parts: EcsDependencies & ExportParts & TransferParts;
  /** Replaced by `restartControlPlane`. */
  exports: ExportKeeper;
  transfers: TransferKeeper;
  readonly #directory: string;

  private constructor(directory: string, clock: FakeClock, database: Database, kms: Kms, sealer: SealedBytes) {
    this.#directory = directory;
    this.clock = clock;
    this.database = database;
    this.kms = kms;
    const log = this.#logger();
    const rotations = new DiskRotations({ database, dataPlane: this.plane, diskKeys: kms.diskKeys, clock, log });
    const store = new ImageStore(path.join(directory, 'images'));
    const converter = memoryConverter(this.plane);
    const fileParts = {
      database,
      dataPlane: this.plane,
      dataKeys: rotations.dataKeys,
      clock,
      random: systemRandom,
      log,
    };
    this.parts = {
      database,
      imageFiles: { store, converter, work: new ImageFileWork({ ...fileParts, store, converter }) },
      imageCopies: new ImageCopies({ database, dataPlane: this.plane, dataKeys: rotations.dataKeys, clock, log }),
      dataPlane: this.plane,
      dataKeys: rotations.dataKeys,
      rotations,
      clock: this.clock,
      random: systemRandom,
      log,
      limits: DOCUMENTED_LIMITS,
      apiAddress: '127.0.0.1:8686',
      sealer,
      bootId: () => this.bootId,
      passphrases: new PassphraseKeys(nodeCipherBackend(), systemRandom, { n: 2, r: 1, p: 1 }),
    };
    this.exports = new ExportKeeper(this.parts);
    this.transfers = new TransferKeeper(this.parts);
  }

  static async open(): Promise<TestCloud> {
    const directory = mkdtempSync(path.join(tmpdir(), 'sealdisk-ecs-'));
    const rowKeys = singleRowKey(new Uint8Array(32).fill(7));
    const database = await Database.open({ file: path.join(directory, 'metadata.db'), rowKeys });
    const ciphers = nodeCipherBackend();
    const clock = new FakeClock();
    const sealer = new SealedBytes(ciphers, systemRandom, new Uint8Array(32).fill(8));
    const kms = await openKms({
      dataDirectory: directory,
      database,
      sealers: { keys: sealer, disks: sealer, rows: sealer },
      ciphers,
      clock,
      random: systemRandom,
      evaluateServiceRole: (request) => evaluateServiceRole(database.read, request),
      recordKeyUse: () => Promise.resolve(),
      isSharedWith: () => false,
    });
    await database.transact(async (transaction) => {
      for (const accountId of [ACCOUNT, OTHER_ACCOUNT]) {
        await insertAccount(transaction, { accountId, regionId: REGION, createdMs: 1 });
      }
    });
    return new TestCloud(directory, clock, database, kms, sealer);
  }

  /** A cloud in which encryption works: KMS open in the region, the disk role there. */
  static async ready(): Promise<TestCloud> {
    const cloud = await TestCloud.open();
    await cloud.openKms();
    await cloud.allowDiskRole();
    return cloud;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // One that a test let die never ends.
    void this.parts.imageCopies[Symbol.asyncDispose]();
    void this.parts.imageFiles.work[Symbol.asyncDispose]();
    await this.database[Symbol.asyncDispose]();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  openKms({ account = ACCOUNT, region = REGION }: Asker = {}): Promise<void> {
    return this.kms.service.open({ accountId: account, regionId: region });
  }

  /** The role with the system policy, as the console's 去授权 makes it; or one that may do `kmsActions` only. */
  async allowDiskRole(
    options: Asker & { readonly service?: string; readonly kmsActions?: readonly string[] } = {},
  ): Promise<void> {
    const { account: accountId = ACCOUNT, service = 'ecs.aliyuncs.com', kmsActions } = options;
    const trustPolicy = JSON.stringify({
      Version: '1',
      Statement: [{ Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: [service] } }],
    });
    await this.database.transact(async (transaction) => {
      await insertRole(transaction, {
        accountId,
        roleNameLower: DISK_ROLE.toLowerCase(),
        roleName: DISK_ROLE,
        roleId: `role-${accountId}`,
        description: '',
        trustPolicy,
        maxSessionDurationS: 3600,
        tags: [],
        createdMs: 1,
        updatedMs: 1,
      });
      const policyName = kmsActions === undefined ? 'AliyunECSDiskEncryptRolePolicy' : `own-${kmsActions.length}`;
      if (kmsActions !== undefined) {
        const document = { Version: '1', Statement: [{ Effect: 'Allow', Action: kmsActions, Resource: '*' }] };
        const policy = { accountId, policyName, description: '', defaultVersion: 'v1', tags: [] };
        await insertPolicy(transaction, { ...policy, createdMs: 1, updatedMs: 1 }, JSON.stringify(document));
      }
      await insertAttachment(transaction, {
        accountId,
        principalType: 'role',
        principalName: DISK_ROLE.toLowerCase(),
        policyType: kmsActions === undefined ? 'System' : 'Custom',
        policyName,
        attachedMs: 1,
      });
    });
  }

  /** Attaches one more policy to the disk role. */
  async addToDiskRole(policyName: string, statement: object): Promise<void> {
    await this.database.transact(async (transaction) => {
      await insertPolicy(
        transaction,
        {
          accountId: ACCOUNT,
          policyName,
          description: '',
          defaultVersion: 'v1',
          tags: [],
          createdMs: 1,
          updatedMs: 1,
        },
        JSON.stringify({ Version: '1', Statement: [statement] }),
      );
      const principalName = DISK_ROLE.toLowerCase();
      const attachment = { accountId: ACCOUNT, principalType: 'role', principalName } as const;
      await insertAttachment(transaction, { ...attachment, policyType: 'Custom', policyName, attachedMs: 1 });
    });
  }

  /** Removes the role and what is attached to it. */
  async removeDiskRole(): Promise<void> {
    await this.database.transact(async (transaction) => {
      const role = await findRole(transaction, ACCOUNT, DISK_ROLE);
      assert.ok(role !== undefined);
      const principalName = DISK_ROLE.toLowerCase();
      const principal = { accountId: ACCOUNT, principalType: 'role' as const, principalName };
      for (const attachment of await listAttachments(transaction, principal)) {
        await deleteAttachment(transaction, attachment);
      }
      await deleteRole(transaction, role);
    });
  }

  async createKey(keySpec: KeySpec = 'Aliyun_AES_256', { account = ACCOUNT, region = REGION }: Asker = {}) {
    const key = await this.kms.keys.create(
      { accountId: account, regionId: region },
      { keySpec, keyUsage: 'ENCRYPT/DECRYPT', description: '', creator: account, creatorType: 'User', tags: [] },
    );
    return key.keyId;
  }

  disableKey(keyId: string): Promise<void> {
    return this.kms.keys.disable({ accountId: ACCOUNT, regionId: REGION }, keyId);
  }

  enableKey(keyId: string): Promise<void> {
    return this.kms.keys.enable({ accountId: ACCOUNT, regionId: REGION }, keyId);
  }

  scheduleKeyDeletion(keyId: string): Promise<void> {
    return this.kms.keys.scheduleDeletion({ accountId: ACCOUNT, regionId: REGION }, keyId, 7);
  }

  /** Deletes the key for good: its waiting period passes. */
  async destroyKey(keyId: string): Promise<void> {
    await this.scheduleKeyDeletion(keyId);
    this.clock.now += 8 * 24 * 60 * 60 * 1000;
    assert.deepEqual(await this.kms.destruction.destroyDue(), [keyId]);
  }

  /** Runs an operation as the front door does, after authorisation. */
  async call<I, O extends object>(action: Action<I, O>, input: I, asker: Asker = {}): Promise<O> {
    const call = this.callOf(input, asker);
    await action.access(call);
    return action.run(call);
  }

  callOf<I>(input: I, { account = ACCOUNT, region, idempotencyKey }: Asker = {}): Call<I> {
    const inInput = (input as { readonly RegionId?: string }).RegionId;
    return {
      input,
      caller: {
        accountId: account,
        arn: `acs:ram::${account}:root`,
        principalType: 'Account',
        accessKeyId: 'LTAItest',
        sourceIp: '127.0.0.1',
      },
      regionId: region ?? inInput ?? REGION,
      requestId: 'request-1',
      signal: new AbortController().signal,
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    };
  }

  /** Where the account's bucket of image files is. */
  bucket(name: string, account = ACCOUNT): string {
    return path.join(this.#directory, 'images', account, name);
  }

  /** A disk by CreateDisk: 20 GiB, unencrypted, unless told otherwise. */
  async createDisk(
    input: Partial<Parameters<ReturnType<typeof CreateDisk>['run']>[0]['input']> = {},
    asker: Asker = {},
  ) {
    const answer = await this.call(
      CreateDisk(this.parts),
      { RegionId: REGION, ZoneId: ZONE, Size: 20, ...input },
      asker,
    );
    assert.ok(answer.DiskId !== undefined);
    return answer.DiskId;
  }

  /** Exports a disk and closes it again, with `content` in it. */
  async useDisk(diskId: string, content = 'data', account = ACCOUNT): Promise<void> {
    const { row } = await this.exports.open({ diskId, accountId: account, readOnly: false });
    this.plane.write(diskId, content);
    await this.exports.close(row.exportId, { accountId: account, force: false });
  }

  async createSnapshot(diskId: string, input: object = {}, asker: Asker = {}): Promise<string> {
    const answer = await this.call(CreateSnapshot(this.parts), { DiskId: diskId, ...input }, asker);
    assert.ok(answer.SnapshotId !== undefined);
    return answer.SnapshotId;
  }

  /** A new control plane over the same database and disk server. */
  restartControlPlane(): void {
    this.exports = new ExportKeeper(this.parts);
    this.transfers = new TransferKeeper(this.parts);
  }

  async disk(diskId: string): Promise<Disk> {
    const disk = await disks.find(this.database.read, { diskId });
    assert.ok(disk !== undefined, `there is a row of disk ${diskId}`);
    return disk;
  }

  async snapshot(snapshotId: string): Promise<Snapshot> {
    const snapshot = await snapshots.find(this.database.read, { snapshotId });
    assert.ok(snapshot !== undefined, `there is a row of snapshot ${snapshotId}`);
    return snapshot;
  }

  /** Everything that exists: rows and files. */
  async everything(): Promise<object> {
    const { read } = this.database;
    const rows = await Promise.all([
      disks.findAll(read, {}),
      snapshots.findAll(read, {}),
      diskExports.findAll(read, {}),
    ]);
    const files = this.plane.diskIds.map((diskId) => [diskId, this.plane.snapshotIds(diskId)]);
    return { rows, files, open: await this.plane.listExports() };
  }

  /**
   * Asserts that `attempt` is refused with code and status, and that nothing came or went by it. What a disk server that
   * did not answer may have begun goes with the next housekeeping, and is hidden until then.
   */
  async refuses(attempt: () => Promise<unknown>, code: string, httpStatus: number): Promise<ApiError> {
    const before = await this.everything();
    const error = await refusal(attempt(), code, httpStatus);
    if (httpStatus === 503) await finishRemovals(this.parts);
    assert.deepEqual(await this.everything(), before, 'a refused request leaves everything as it was');
    return error;
  }

  #logger(): Logger {
    const at = (level: string) => (fields: object, message: string) =>
      void this.events.push({ level, fields, message });
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  }
}

export async function refusal(attempt: Promise<unknown>, code: string, httpStatus: number): Promise<ApiError> {
  try {
    await attempt;
  } catch (error) {
    assert.ok(error instanceof ApiError, `${String(error)} is no ApiError`);
    assert.equal(error.code, code);
    assert.equal(error.httpStatus, httpStatus);
    return error;
  }
  assert.fail(`expected ${code}`);
}

/** A promise that never settles: what a caller sees of a process that died. */
export function never(): Promise<never> {
  return new Promise(() => {});
}
