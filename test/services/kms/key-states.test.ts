// Every operation in every state, against the published table (facts.md 2.4), written out here a second time.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ApiError } from '../../../src/api/errors.ts';
import { updateKey } from '../../../src/metadata/keys.ts';
import type { KeyState } from '../../../src/metadata/keys.ts';
import { kmsActions } from '../../../src/services/kms/registry.ts';
import { DAY_MS, SCOPE } from '../../kms/open-test-kms.ts';
import { base64, openKmsApi } from './call-kms.ts';

const STATES: readonly KeyState[] = ['Enabled', 'Disabled', 'PendingDeletion', 'PendingImport'];
const ok = 'ok';
const use = [ok, 'Rejected.Disabled', 'Rejected.PendingDeletion', 'Rejected.PendingImport'];
const any = [ok, ok, ok, ok];
const modified = 'Rejected.StateModifiedFailed';
const TABLE: Readonly<Record<string, readonly string[]>> = {
  Encrypt: use,
  GenerateDataKey: use,
  GenerateDataKeyWithoutPlaintext: use,
  Decrypt: use,
  DescribeKey: any,
  ListKeys: any,
  ListAliases: any,
  EnableKey: [ok, ok, modified, modified],
  DisableKey: [ok, ok, modified, modified],
  ScheduleKeyDeletion: [ok, ok, modified, ok],
  CancelKeyDeletion: [modified, modified, ok, modified],
  CreateAlias: [ok, ok, modified, ok],
  // They have no key.
  OpenKmsService: ['Forbidden.Opened', 'Forbidden.Opened', 'Forbidden.Opened', 'Forbidden.Opened'],
  DescribeAccountKmsStatus: any,
  CreateKey: any,
};
/** The state that a successful call leaves. */
const STATE_AFTER: Readonly<Record<string, KeyState>> = {
  EnableKey: 'Enabled',
  DisableKey: 'Disabled',
  ScheduleKeyDeletion: 'PendingDeletion',
  CancelKeyDeletion: 'Enabled',
};

test('the table names every operation that there is', async () => {
  await using api = await openKmsApi();
  const names = kmsActions(api.kms).map((action) => action.name);
  assert.deepEqual(names.sort(), Object.keys(TABLE).sort());
});

for (const [column, state] of STATES.entries()) {
  test(`every operation does what is documented on a key that is ${state}`, async () => {
    await using api = await openKmsApi();
    const { keyId } = await api.kms.makeKey();
    const { CiphertextBlob } = await api.call('Encrypt', { KeyId: keyId, Plaintext: base64('x') });
    const inputs: Readonly<Record<string, object>> = {
      Encrypt: { KeyId: keyId, Plaintext: base64('x') },
      Decrypt: { CiphertextBlob },
      ScheduleKeyDeletion: { KeyId: keyId, PendingWindowInDays: 7 },
      CreateAlias: { KeyId: keyId, AliasName: 'alias/x' },
      ListKeys: {},
      ListAliases: {},
      CreateKey: {},
    };
    for (const [name, verdicts] of Object.entries(TABLE)) {
      const deleteMs = state === 'PendingDeletion' ? Date.UTC(2026, 10, 23) + 7 * DAY_MS : null;
      await api.kms.database.transact((transaction) => updateKey(transaction, keyId, { keyState: state, deleteMs }));
      const outcome: unknown = await api.call(name, inputs[name] ?? { KeyId: keyId }).then(
        () => 'ok',
        (error: unknown) => error,
      );
      const verdict = verdicts[column];
      const after = (await api.kms.keys.find(SCOPE, keyId, { alias: 'refused' })).keyState;
      if (verdict === 'ok') {
        assert.equal(outcome, 'ok', `${name} on ${state}: ${String(outcome)}`);
        assert.equal(after, STATE_AFTER[name] ?? state, name);
      } else {
        assert.ok(outcome instanceof ApiError, `${name} on ${state}: ${String(outcome)}`);
        const httpStatus = verdict === 'Forbidden.Opened' ? 400 : 409;
        assert.deepEqual([outcome.code, outcome.httpStatus], [verdict, httpStatus], `${name} on ${state}`);
        assert.equal(after, state, `${name} changed nothing`);
      }
    }
  });
}
