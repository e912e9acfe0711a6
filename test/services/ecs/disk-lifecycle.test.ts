import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  DISK_STATUSES,
  diskMayBecome,
  SNAPSHOT_STATUSES,
  snapshotMayBecome,
  VISIBLE_DISK_STATUSES,
  VISIBLE_SNAPSHOT_STATUSES,
} from '../../../src/services/ecs/disk-lifecycle.ts';
import { moveDisk, moveSnapshot } from '../../../src/services/ecs/status-changes.ts';
import { TestCloud } from './test-cloud.ts';

/** Rows: from; columns: to, in the order of DISK_STATUSES. */
const DISKS = `
  Creating    . x . . . . x
  Available   . . x x . x x
  In_use      . x . . x x .
  Attaching   . x x . . . .
  Detaching   . x x . . . .
  ReIniting   . x x . . . .
  Deleting    . . . . . . .
`;

/** In the order of SNAPSHOT_STATUSES. */
const SNAPSHOTS = `
  progressing  . x x x
  accomplished . . . x
  failed       . . . x
  deleting     . . . .
`;

function table(text: string): Map<string, readonly string[]> {
  const lines = text.trim().split('\n');
  return new Map(lines.map((line) => [line.trim().split(/\s+/)[0] ?? '', line.trim().split(/\s+/).slice(1)]));
}

test('a disk changes status only along its life cycle', () => {
  const expected = table(DISKS);
  for (const from of DISK_STATUSES) {
    DISK_STATUSES.forEach((to, at) => {
      assert.equal(diskMayBecome(from, to), expected.get(from)?.[at] === 'x', `${from} to ${to}`);
    });
  }
});

test('a snapshot changes status only along its life cycle', () => {
  const expected = table(SNAPSHOTS);
  for (const from of SNAPSHOT_STATUSES) {
    SNAPSHOT_STATUSES.forEach((to, at) => {
      assert.equal(snapshotMayBecome(from, to), expected.get(from)?.[at] === 'x', `${from} to ${to}`);
    });
  }
});

test('what is being removed is not shown', () => {
  assert.ok(!VISIBLE_DISK_STATUSES.includes('Deleting'));
  assert.ok(!VISIBLE_SNAPSHOT_STATUSES.includes('deleting'));
});

test('a change that the life cycle does not know is a bug and changes nothing', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  await assert.rejects(
    cloud.database.transact((transaction) => moveDisk(transaction, diskId, 'Creating')),
    /bug/,
  );
  await assert.rejects(
    cloud.database.transact((transaction) => moveDisk(transaction, 'd-none', 'In_use')),
    /bug/,
  );
  await assert.rejects(
    cloud.database.transact((transaction) => moveSnapshot(transaction, 's-none', 'accomplished')),
    /bug/,
  );
  assert.equal((await cloud.disk(diskId)).status, 'Available');
});
