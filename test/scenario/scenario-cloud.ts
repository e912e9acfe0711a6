/** The real control plane under a scenario: every operation by its name, three accounts, restarts. */
import assert from 'node:assert/strict';

import type { Action } from '../../src/api/action.ts';
import { DISK_ROLE } from '../../src/kms/data-keys.ts';
import { insertAccount } from '../../src/metadata/accounts.ts';
import { findDisk } from '../../src/metadata/disks.ts';
import type { KeySpec } from '../../src/metadata/keys.ts';
import { deleteAttachment, listAttachments } from '../../src/metadata/policy-attachments.ts';
import { deleteRole, findRole } from '../../src/metadata/roles.ts';
import { takeBackCreations } from '../../src/services/ecs/reconcile.ts';
import { ecsActions } from '../../src/services/ecs/registry.ts';
import { ExportDisk } from '../../src/services/sealdisk/actions/ExportDisk.ts';
import { UnexportDisk } from '../../src/services/sealdisk/actions/UnexportDisk.ts';
import { ACCOUNT, OTHER_ACCOUNT, TestCloud } from '../services/ecs/test-cloud.ts';
import type { Place } from './model.ts';
import type { KeyChange } from './moves/keys.ts';

export const ACCOUNTS = [ACCOUNT, OTHER_ACCOUNT, '3234567890123456'] as const;
export const REGIONS = ['cn-hangzhou', 'cn-hongkong'] as const;

const DAY_MS = 24 * 60 * 60 * 1000;

export class ScenarioCloud implements AsyncDisposable {
  readonly test: TestCloud;
  readonly #actions: ReadonlyMap<string, Action>;

  private constructor(test: TestCloud) {
    this.test = test;
    this.#actions = new Map(ecsActions(test.parts).map((action) => [action.name, action]));
  }

  static async open(): Promise<ScenarioCloud> {
    const test = await TestCloud.open();
    const [, , third] = ACCOUNTS;
    await test.database.transact((transaction) =>
      insertAccount(transaction, { accountId: third, regionId: REGIONS[0], createdMs: 1 }),
    );
    return new ScenarioCloud(test);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.test[Symbol.asyncDispose]();
  }

  /** An operation of ECS, or one of the two that open disks. */
  async call(name: string, input: object, place: Place): Promise<object> {
    const { accountId, regionId } = scopeOf(place);
    const opening = { ...this.test.parts, exports: this.test.exports };
    const openers: readonly Action[] = [ExportDisk(opening), UnexportDisk(opening)];
    const action = this.#actions.get(name) ?? openers.find((opener) => opener.name === name);
    assert.ok(action !== undefined, `there is an operation ${name}`);
    const answer = (await this.test.call(action, input, { account: accountId, region: regionId })) as object;
    return name === 'CreateDisk' ? { ...answer, KMSKeyId: await this.#keyOf(answer) } : answer;
  }

  async createKey({ account, region }: Place, spec: KeySpec): Promise<string> {
    return this.test.createKey(spec, { account, region });
  }

  async changeKey(key: Place & { readonly keyId: string }, change: KeyChange, days: number): Promise<void> {
    const { keys, destruction } = this.test.kms;
    const scope = scopeOf(key);
    switch (change) {
      case 'disable':
        return keys.disable(scope, key.keyId);
      case 'enable':
        return keys.enable(scope, key.keyId);
      case 'scheduleDeletion':
        return keys.scheduleDeletion(scope, key.keyId, days);
      case 'cancelDeletion':
        return keys.cancelDeletion(scope, key.keyId);
      case 'destroy':
        this.test.clock.now += (days + 1) * DAY_MS;
        assert.ok((await destruction.destroyDue()).includes(key.keyId));
    }
  }

  async removeDiskRole(accountId: string): Promise<void> {
    await this.test.database.transact(async (transaction) => {
      const role = await findRole(transaction, accountId, DISK_ROLE);
      assert.ok(role !== undefined);
      const principal = { accountId, principalType: 'role' as const, principalName: DISK_ROLE.toLowerCase() };
      for (const attachment of await listAttachments(transaction, principal))
        await deleteAttachment(transaction, attachment);
      await deleteRole(transaction, role);
    });
  }

  write(diskId: string, content: string): Promise<void> {
    this.test.plane.write(diskId, content);
    return Promise.resolve();
  }

  content(diskId: string): string {
    return this.test.plane.content(diskId);
  }

  /** The control plane dies and comes back; disks stay open. */
  async restart(): Promise<void> {
    this.test.restartControlPlane();
    await takeBackCreations(this.test.parts);
    await this.test.exports.reopenAll();
  }

  async #keyOf(answer: object): Promise<string | null> {
    const { DiskId: diskId = '' } = answer as { readonly DiskId?: string };
    return (await findDisk(this.test.database.read, diskId))?.kmsKeyId ?? null;
  }
}

const scopeOf = ({ account, region }: Place) => ({ accountId: account, regionId: region });
