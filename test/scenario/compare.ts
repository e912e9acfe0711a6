/** What every account sees, and what lies in the disks, held against the model. */
import assert from 'node:assert/strict';

import { at, type Model, type Place } from './model.ts';
import { ownDisks } from './moves/disks.ts';
import type { ScenarioCloud } from './scenario-cloud.ts';

export async function compare(model: Model, cloud: ScenarioCloud, places: readonly Place[]): Promise<void> {
  for (const place of places) {
    assert.deepEqual(await seenDisks(cloud, place), expectedDisks(model, place), `disks of ${at(place)}`);
    assert.deepEqual(await seenSnapshots(cloud, place), expectedSnapshots(model, place), `snapshots of ${at(place)}`);
  }
  for (const { diskId, content } of model.disks.values())
    assert.equal(cloud.content(diskId), content, `what was written to ${diskId}`);
}

async function seenDisks(cloud: ScenarioCloud, place: Place): Promise<object> {
  const rows = await all(cloud, 'DescribeDisks', 'Disks', 'Disk', place);
  return byId(
    rows.map(({ DiskId, Size, Encrypted, KMSKeyId, Status, ZoneId }) => ({
      id: DiskId,
      size: Size,
      encrypted: Encrypted,
      key: KMSKeyId,
      status: Status,
      zone: ZoneId,
    })),
  );
}

function expectedDisks(model: Model, place: Place): object {
  return byId(
    ownDisks(model, place).map(({ diskId, sizeGib, keyId, exportId, zone }) => ({
      id: diskId,
      size: sizeGib,
      encrypted: keyId !== null,
      key: keyId ?? '',
      status: exportId === undefined ? 'Available' : 'In_use',
      zone,
    })),
  );
}

async function seenSnapshots(cloud: ScenarioCloud, place: Place): Promise<object> {
  const rows = await all(cloud, 'DescribeSnapshots', 'Snapshots', 'Snapshot', place);
  return byId(
    rows.map(({ SnapshotId, SourceDiskId, SourceDiskSize, Encrypted, KMSKeyId, Status }) => ({
      id: SnapshotId,
      disk: SourceDiskId,
      size: SourceDiskSize,
      encrypted: Encrypted,
      key: KMSKeyId,
      status: Status,
    })),
  );
}

function expectedSnapshots(model: Model, place: Place): object {
  const own = [...model.snapshots.values()].filter((snapshot) => at(snapshot) === at(place));
  return byId(
    own.map(({ snapshotId, diskId, sizeGib, keyId }) => ({
      id: snapshotId,
      disk: diskId,
      size: String(sizeGib),
      encrypted: keyId !== null,
      key: keyId ?? '',
      status: 'accomplished',
    })),
  );
}

type Row = Readonly<Record<string, unknown>>;

async function all(cloud: ScenarioCloud, name: string, list: string, item: string, place: Place): Promise<Row[]> {
  const rows: Row[] = [];
  for (let page = 1; ; page++) {
    const input = { RegionId: place.region, PageNumber: page, PageSize: 100 };
    const answer = (await cloud.call(name, input, place)) as Readonly<Record<string, unknown>>;
    const found = (answer[list] as Readonly<Record<string, readonly Row[]>>)[item] ?? [];
    rows.push(...found);
    if (found.length < 100) return rows;
  }
}

function byId<T extends { readonly id: unknown }>(rows: readonly T[]): T[] {
  return rows.toSorted((a, b) => String(a.id).localeCompare(String(b.id)));
}
