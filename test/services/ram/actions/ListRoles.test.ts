import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createRole } from '../../../../src/services/ram/actions/CreateRole.ts';
import { listRoles } from '../../../../src/services/ram/actions/ListRoles.ts';
import { DISK_ROLE_TRUST, act, openTestAccount, refused } from '../support.ts';
import type { TestAccount } from '../support.ts';

async function withRoles(...names: readonly string[]): Promise<TestAccount> {
  const account = await openTestAccount();
  for (const RoleName of names) {
    const Tag = JSON.stringify([{ Key: 'first', Value: RoleName.slice(0, 1) }]);
    await act(account, createRole(account), { RoleName, AssumeRolePolicyDocument: DISK_ROLE_TRUST, Tag });
  }
  return account;
}

test('roles are listed by name, page by page, each once', async () => {
  await using account = await withRoles('delta', 'Alpha', 'charlie', 'Bravo', 'echo');
  const names: string[] = [];
  let marker: string | undefined;
  do {
    const page = await act(account, listRoles(account), {
      MaxItems: 2,
      ...(marker === undefined ? {} : { Marker: marker }),
    });
    names.push(...(page.Roles?.Role ?? []).map((role) => role.RoleName ?? ''));
    assert.equal(page.IsTruncated, page.Marker !== undefined);
    marker = page.Marker;
  } while (marker !== undefined);
  assert.deepEqual(names, ['Alpha', 'Bravo', 'charlie', 'delta', 'echo']);
});

test('without parameters up to 100 roles are listed, with tags and without trust policies', async () => {
  await using account = await withRoles('one');
  const { Roles, IsTruncated, Marker } = await act(account, listRoles(account), {});
  assert.equal(IsTruncated, false);
  assert.equal(Marker, undefined);
  const [role] = Roles?.Role ?? [];
  assert.deepEqual(role?.Tags, { Tag: [{ TagKey: 'first', TagValue: 'o' }] });
  assert.ok(!('AssumeRolePolicyDocument' in (role ?? {})));
});

test('tags filter, and other accounts see nothing', async () => {
  await using account = await withRoles('apple', 'avocado', 'banana');
  const tagged = await act(account, listRoles(account), { Tag: '[{"Key":"first","Value":"a"}]' });
  assert.deepEqual(
    tagged.Roles?.Role.map((role) => role.RoleName),
    ['apple', 'avocado'],
  );
  const any = await act(account, listRoles(account), { Tag: '[{"Key":"first"}]' });
  assert.equal(any.Roles?.Role.length, 3);
  const other = await act(account, listRoles(account), {}, '1111111111111111');
  assert.deepEqual(other.Roles, { Role: [] });
});

test('MaxItems out of range and a marker of somebody else are refused', async () => {
  await using account = await withRoles('a', 'b');
  for (const MaxItems of [0, 1001, 1.5]) {
    await assert.rejects(act(account, listRoles(account), { MaxItems }), refused('InvalidParameter.MaxItems', 400));
  }
  const { Marker = '' } = await act(account, listRoles(account), { MaxItems: 1 });
  const foreign = act(account, listRoles(account), { Marker }, '1111111111111111');
  await assert.rejects(foreign, refused('InvalidParameter.Marker.Format', 400));
  await assert.rejects(
    act(account, listRoles(account), { Marker: 'x' }),
    refused('InvalidParameter.Marker.Format', 400),
  );
});
