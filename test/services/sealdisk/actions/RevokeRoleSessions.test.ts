import assert from 'node:assert/strict';
import { test } from 'node:test';

import { findSessionEnd } from '../../../../src/metadata/session-ends.ts';
import { deleteRole } from '../../../../src/services/ram/actions/DeleteRole.ts';
import { RevokeRoleSessions } from '../../../../src/services/sealdisk/actions/RevokeRoleSessions.ts';
import { act, callOf, refused } from '../../ram/support.ts';
import { assume, everybodyIn, makeRole, openSts, trusting, user } from '../../sts/sts-support.ts';

test('the sessions that there are end, and the role can be assumed again', async () => {
  await using sts = await openSts();
  const RoleArn = await makeRole(sts, 'Ops', trusting([everybodyIn(sts.accountId)]));
  const other = await makeRole(sts, 'Other', trusting([everybodyIn(sts.accountId)]));
  const start = async (arn: string): Promise<() => Promise<boolean>> => {
    const { Credentials } = await assume(sts, user(sts), { RoleArn: arn, RoleSessionName: 'alice' });
    return async () => {
      const found = await sts.credentials.find(Credentials?.AccessKeyId ?? '', Credentials?.SecurityToken);
      assert.ok(found !== undefined && 'secret' in found);
      return !('ended' in found) || found.ended === undefined;
    };
  };
  const [isGood, isOtherGood] = [await start(RoleArn), await start(other)];
  assert.ok(await isGood());
  const ended = await act(sts, RevokeRoleSessions(sts), { RoleName: 'oPS' });
  assert.deepEqual(ended, { RoleName: 'Ops', EndedTime: '2026-11-23T12:00:00Z' });
  assert.deepEqual([await isGood(), await isOtherGood()], [false, true]);
  sts.clock.ms += 1;
  const isNewGood = await start(RoleArn);
  assert.deepEqual([await isGood(), await isNewGood()], [false, true]);
});

test('a role of another account, or none, is not found', async () => {
  await using sts = await openSts();
  await makeRole(sts, 'Ops', trusting(['*']));
  for (const [RoleName, accountId] of [
    ['Ops', sts.otherAccountId],
    ['nowhere', sts.accountId],
  ] as const) {
    const call = callOf(sts, { RoleName }, accountId);
    await assert.rejects(RevokeRoleSessions(sts).run(call), refused('EntityNotExist.Role', 404));
  }
});

test('a deleted role leaves no mark behind', async () => {
  await using sts = await openSts();
  await makeRole(sts, 'Ops', trusting(['*']));
  const RoleArn = `acs:ram::${sts.accountId}:role/ops`;
  const { AssumedRoleUser } = await assume(sts, user(sts), { RoleArn, RoleSessionName: 'alice' });
  const roleId = AssumedRoleUser?.AssumedRoleId?.split(':')[0] ?? '';
  await act(sts, RevokeRoleSessions(sts), { RoleName: 'Ops' });
  assert.ok((await findSessionEnd(sts.database.read, roleId)) !== undefined);
  await act(sts, deleteRole(sts), { RoleName: 'Ops' });
  assert.equal(await findSessionEnd(sts.database.read, roleId), undefined);
});
