import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isKind } from '../../src/base/errors.ts';
import { GiB } from '../../src/base/units.ts';
import type { DataKey, DataPlane } from '../../src/dataplane/data-plane.ts';
import { DISK_NOT_CLEAN } from '../../src/dataplane/data-plane.ts';
import { dataKey, identity, request } from './plane-under-test.ts';
import type { DataPlaneUnderTest } from './plane-under-test.ts';
import { transferPromises } from './transfer-promises.ts';

/** What every DataPlane promises to its callers. `make` is called once for each test. */
export function dataPlaneSuite(name: string, make: () => Promise<DataPlaneUnderTest>): void {
  const promise = (title: string, body: (plane: DataPlane, subject: DataPlaneUnderTest) => Promise<void>): void => {
    test(`${name}: ${title}`, async () => {
      await using subject = await make();
      await body(subject.plane, subject);
    });
  };

  promise(
    'a new disk opens with its key, and what clients wrote is there again after it was closed',
    async (plane, subject) => {
      const created = await plane.createDisk(identity('d-one'), dataKey(1));
      const info = await plane.openExport(request('d-one', 1, { pin: created }));
      assert.equal(info.status, 'Serving');
      assert.equal(info.exportId, 'e-d-one');
      assert.equal(info.name, 'name-d-one');
      assert.match(info.socketPath, /^\//);
      await subject.write(info, 7);
      assert.deepEqual(
        (await plane.listExports()).map((listed) => listed.exportId),
        ['e-d-one'],
      );
      const closed = await plane.closeExport('e-d-one', { force: false });
      assert.ok(closed !== undefined && closed.sequence > created.sequence);
      assert.match(closed.digest, /^[0-9a-f]{64}$/);
      assert.deepEqual(await plane.listExports(), []);
      assert.equal(await subject.read(await plane.openExport(request('d-one', 1, { pin: closed }))), 7);
    },
  );

  promise('a disk is made once', async (plane) => {
    await plane.createDisk(identity('d-one'), dataKey(1));
    await assert.rejects(plane.createDisk(identity('d-one'), dataKey(1)), (error) => isKind(error, 'conflict'));
  });

  promise('another key opens nothing', async (plane) => {
    await plane.createDisk(identity('d-one'), dataKey(1));
    await assert.rejects(plane.openExport(request('d-one', 2)));
    await plane.openExport(request('d-one', 1));
  });

  promise('a disk that was never made is not found', async (plane) => {
    await assert.rejects(plane.openExport(request('d-none', 1)), (error) => isKind(error, 'not-found'));
  });

  promise('files older than the pin are refused', async (plane) => {
    const created = await plane.createDisk(identity('d-one'), dataKey(1));
    const pin = { sequence: created.sequence + 1_000, digest: 'f'.repeat(64) };
    await assert.rejects(plane.openExport(request('d-one', 1, { pin })), (error) => isKind(error, 'rolled-back'));
  });

  promise(
    'opening an export again under its id changes nothing, another export of the disk is refused',
    async (plane) => {
      await plane.createDisk(identity('d-one'), dataKey(1));
      const first = await plane.openExport(request('d-one', 1));
      assert.deepEqual(await plane.openExport(request('d-one', 1)), first);
      await assert.rejects(plane.openExport({ ...request('d-one', 1), exportId: 'e-other', name: 'other' }), (error) =>
        isKind(error, 'conflict'),
      );
    },
  );

  promise('closing what is not open answers undefined', async (plane) => {
    assert.equal(await plane.closeExport('e-none', { force: false }), undefined);
  });

  promise('an open disk cannot be removed; removing a closed one can be repeated', async (plane) => {
    await plane.createDisk(identity('d-one'), dataKey(1));
    await plane.openExport(request('d-one', 1));
    await assert.rejects(plane.deleteDisk('d-one', { keep: [], drop: [] }), (error) => isKind(error, 'conflict'));
    await plane.closeExport('e-d-one', { force: false });
    await plane.deleteDisk('d-one', { keep: [], drop: [] });
    await plane.deleteDisk('d-one', { keep: [], drop: [] });
    await assert.rejects(plane.openExport(request('d-one', 1)), (error) => isKind(error, 'not-found'));
  });

  promise('a snapshot of a closed or an open disk keeps what was acknowledged before it', async (plane, subject) => {
    let pin = await plane.createDisk(identity('d-one'), dataKey(1));
    pin = await plane.createSnapshot('d-one', 's-empty', dataKey(1), pin);
    const info = await plane.openExport(request('d-one', 1, { pin }));
    await subject.write(info, 1);
    const after = await plane.createSnapshot('d-one', 's-first', dataKey(1), pin);
    assert.ok(after.sequence > pin.sequence);
    await subject.write(info, 2);
    pin = (await plane.closeExport('e-d-one', { force: false })) ?? after;
    await plane.createSnapshot('d-one', 's-second', dataKey(1), pin);
    for (const [name, value] of [
      ['empty', 0],
      ['first', 1],
      ['second', 2],
    ] as const) {
      const source = { diskId: 'd-one', snapshotId: `s-${name}`, dataKey: dataKey(1), pin };
      const made = await plane.cloneDisk(source, identity(`d-${name}`), dataKey(3));
      const clone = await plane.openExport(request(`d-${name}`, 3, { pin: made }));
      assert.equal(await subject.read(clone), value, name);
    }
  });

  promise(
    'an open or closed disk is scrubbed, with its key or without, and a new disk server knows of none',
    async (plane, subject) => {
      const pin = await plane.createDisk(identity('d-one'), dataKey(1));
      assert.equal(await plane.describeScrub('d-one'), undefined);
      const finished = async () => {
        for (;;) {
          const scrub = await plane.describeScrub('d-one');
          assert.ok(scrub !== undefined);
          if (scrub.status !== 'Running') return scrub;
        }
      };
      const scrub = async (key: DataKey | undefined) => {
        await plane.startScrub({ diskId: 'd-one', rateBytes: 2 ** 30, dataKey: key, pin });
        return finished();
      };
      const closed = await scrub(dataKey(1));
      assert.deepEqual([closed.status, closed.report?.damageCount, closed.report?.withKey], ['Finished', 0, true]);
      assert.equal((await scrub(undefined)).report?.withKey, false);
      await subject.write(await plane.openExport(request('d-one', 1)), 1);
      const open = await scrub(dataKey(1));
      assert.deepEqual([open.status, open.report?.damages], ['Finished', []]);
      await subject.crash();
      assert.equal(await plane.describeScrub('d-one'), undefined);
    },
  );

  promise('a snapshot is served beside its disk, outlives it, and stays while it is served', async (plane, subject) => {
    await plane.createDisk(identity('d-one'), dataKey(1));
    const info = await plane.openExport(request('d-one', 1));
    await subject.write(info, 1);
    await plane.createSnapshot('d-one', 's-one', dataKey(1), undefined);
    await subject.write(info, 2);
    const pin = await plane.createSnapshot('d-one', 's-two', dataKey(1), undefined);
    const asked = () => ({
      ...request('d-snap', 1),
      diskId: 'd-one',
      snapshotId: 's-two',
      baseSnapshotId: 's-one',
      pin,
    });
    const served = await plane.openSnapshotExport(asked());
    assert.deepEqual(await plane.openSnapshotExport(asked()), served);
    assert.equal(served.diskId, 'd-one');
    assert.equal((await plane.listExports()).length, 2);
    const other = { exportId: 'e-old', name: 'name-old', pskIdentity: 'psk-old', baseSnapshotId: undefined };
    const old = await plane.openSnapshotExport({ ...asked(), ...other, snapshotId: 's-one' });
    assert.equal(await subject.read(old), 1);
    await subject.write(info, 3);
    assert.equal(await subject.read(served), 2);
    assert.equal(await plane.closeExport('e-old', { force: false }), undefined);

    for (const snapshotId of ['s-one', 's-two'])
      await assert.rejects(plane.deleteSnapshot('d-one', snapshotId), (error) => isKind(error, 'conflict'));
    await plane.closeExport('e-d-one', { force: false });
    await assert.rejects(plane.deleteDisk('d-one', { keep: ['s-two'], drop: ['s-one'] }), (error) =>
      isKind(error, 'conflict'),
    );
    await plane.deleteDisk('d-one', { keep: ['s-one', 's-two'], drop: [] });
    assert.equal(await subject.read(served), 2);
    await plane.closeExport('e-d-snap', { force: false });
    assert.equal(await subject.read(await plane.openSnapshotExport(asked())), 2);
    await plane.closeExport('e-d-snap', { force: true });
    await plane.deleteSnapshot('d-one', 's-two');
    await assert.rejects(plane.openSnapshotExport(asked()), (error) => isKind(error, 'not-found'));
    await plane.deleteSnapshot('d-one', 's-one');
  });

  promise('a disk grows open or closed, never shrinks, and keeps what it holds', async (plane, subject) => {
    let pin = await plane.createDisk(identity('d-one'), dataKey(1));
    pin = await plane.growDisk('d-one', 2 * GiB, dataKey(1), pin);
    const info = await plane.openExport(request('d-one', 1, { pin }));
    await subject.write(info, 4);
    const grown = await plane.growDisk('d-one', 3 * GiB, dataKey(1), pin);
    assert.ok(grown.sequence > pin.sequence);
    await plane.growDisk('d-one', 3 * GiB, dataKey(1), grown);
    await assert.rejects(plane.growDisk('d-one', 2 * GiB, dataKey(1), grown), (error) => isKind(error, 'invalid'));
    assert.equal(await subject.read(info), 4);
  });

  promise('what a disk and its snapshots take is counted, open or closed', async (plane, subject) => {
    await plane.createDisk(identity('d-one'), dataKey(1));
    const info = await plane.openExport(request('d-one', 1));
    await subject.write(info, 1);
    await plane.createSnapshot('d-one', 's-one', dataKey(1), undefined);
    const shared = await plane.measureUsage('d-one', dataKey(1), undefined);
    assert.deepEqual(
      shared.states.map(({ snapshotId, allocatedBytes, exclusiveBytes }) => [
        snapshotId,
        allocatedBytes,
        exclusiveBytes,
      ]),
      [
        ['', 4096, 0],
        ['s-one', 4096, 0],
      ],
    );
    await subject.write(info, 2);
    await plane.closeExport('e-d-one', { force: false });
    const apart = await plane.measureUsage('d-one', dataKey(1), undefined);
    assert.deepEqual(
      apart.states.map(({ exclusiveBytes }) => exclusiveBytes),
      [4096, 4096],
    );
    assert.ok(apart.storedBytes >= 2 * 4128);
    await plane.openExport(request('d-one', 1));
  });

  promise('a disk from a snapshot has its own key and outlives its source', async (plane, subject) => {
    await plane.createDisk(identity('d-one'), dataKey(1));
    await subject.write(await plane.openExport(request('d-one', 1)), 5);
    await plane.closeExport('e-d-one', { force: false });
    const pin = await plane.createSnapshot('d-one', 's-one', dataKey(1), undefined);
    const source = { diskId: 'd-one', snapshotId: 's-one', dataKey: dataKey(1), pin };
    await plane.cloneDisk(source, identity('d-two', 2 * GiB), dataKey(2));
    await plane.deleteDisk('d-one', { keep: [], drop: ['s-one'] });
    await assert.rejects(plane.openExport(request('d-two', 1)));
    assert.equal(await subject.read(await plane.openExport(request('d-two', 2))), 5);
  });

  promise('a kept snapshot outlives its disk and can be forgotten without a key, twice', async (plane) => {
    await plane.createDisk(identity('d-one'), dataKey(1));
    await plane.createSnapshot('d-one', 's-keep', dataKey(1), undefined);
    await plane.createSnapshot('d-one', 's-drop', dataKey(1), undefined);
    await plane.deleteDisk('d-one', { keep: ['s-keep'], drop: ['s-drop'] });
    const source = (snapshotId: string) => ({ diskId: 'd-one', snapshotId, dataKey: dataKey(1), pin: undefined });
    await plane.cloneDisk(source('s-keep'), identity('d-two'), dataKey(2));
    await assert.rejects(plane.cloneDisk(source('s-drop'), identity('d-three'), dataKey(3)), (error) =>
      isKind(error, 'not-found'),
    );
    await plane.deleteSnapshot('d-one', 's-keep');
    await plane.deleteSnapshot('d-one', 's-keep');
    await assert.rejects(plane.cloneDisk(source('s-keep'), identity('d-four'), dataKey(4)));
    await plane.openExport(request('d-two', 2));
  });

  promise('a snapshot that the deletion of its disk does not know stays, exported or not', async (plane, subject) => {
    await plane.createDisk(identity('d-one'), dataKey(1));
    await subject.write(await plane.openExport(request('d-one', 1)), 5);
    for (const snapshotId of ['s-old', 's-new', 's-keep'])
      await plane.createSnapshot('d-one', snapshotId, dataKey(1), undefined);
    await plane.closeExport('e-d-one', { force: false });
    const asked = { ...request('d-snap', 1), diskId: 'd-one', snapshotId: 's-new', baseSnapshotId: undefined };
    const served = await plane.openSnapshotExport(asked);
    await assert.rejects(plane.deleteDisk('d-one', { keep: ['s-keep', 's-none'], drop: [] }), (error) =>
      isKind(error, 'not-found'),
    );
    await plane.deleteDisk('d-one', { keep: ['s-keep'], drop: ['s-old'] });
    await assert.rejects(plane.openExport(request('d-one', 1)), (error) => isKind(error, 'not-found'));
    assert.equal(await subject.read(served), 5);
    await plane.closeExport('e-d-snap', { force: false });
    await plane.deleteSnapshot('d-one', 's-keep');
    const source = (snapshotId: string) => ({ diskId: 'd-one', snapshotId, dataKey: dataKey(1), pin: undefined });
    await assert.rejects(plane.cloneDisk(source('s-old'), identity('d-two'), dataKey(2)), (error) =>
      isKind(error, 'not-found'),
    );
    await plane.cloneDisk(source('s-new'), identity('d-two'), dataKey(2));
    assert.equal(await subject.read(await plane.openExport(request('d-two', 2))), 5);
    await plane.deleteDisk('d-one', { keep: [], drop: ['s-new'] });
    await assert.rejects(plane.cloneDisk(source('s-new'), identity('d-three'), dataKey(3)));
  });

  promise(
    'after a crash with unflushed writes nothing is open, and expectClean refuses until the disk was closed in order',
    async (plane, subject) => {
      await plane.createDisk(identity('d-one'), dataKey(1));
      await subject.write(await plane.openExport(request('d-one', 1)), 1);
      await subject.crash();
      assert.deepEqual(await plane.listExports(), []);
      await assert.rejects(
        plane.openExport({ ...request('d-one', 1), expectClean: true }),
        (error) => isKind(error, 'conflict') && error.code === DISK_NOT_CLEAN,
      );
      await plane.openExport(request('d-one', 1));
      await plane.closeExport('e-d-one', { force: false });
      await plane.openExport({ ...request('d-one', 1), expectClean: true });
    },
  );

  const next = (seed: number, suite: DataKey['suite'] = 'aes-256-gcm') => ({
    dataKey: { ...dataKey(seed), suite },
    wrappedKey: Uint8Array.of(seed),
    encrypted: true,
    bytesPerSecond: 0,
  });
  /** Until everything is sealed under the disk's key. */
  const sealed = async (plane: DataPlane, diskId: string, key: () => DataKey) => {
    for (;;) {
      const state = await plane.continueReencryption({ diskId, dataKeys: [key()], pin: undefined });
      assert.ok(state !== undefined);
      if (state.progress === undefined) return state;
    }
  };

  promise(
    'an open disk gets another data key and suite under its clients, and its snapshots with it',
    async (plane, subject) => {
      const created = await plane.createDisk(identity('d-one'), dataKey(1));
      const info = await plane.openExport(request('d-one', 1));
      await subject.write(info, 1);
      await plane.createSnapshot('d-one', 's-one', dataKey(1), undefined);
      await subject.write(info, 2);
      const asked = () => ({ diskId: 'd-one', dataKey: dataKey(1), pin: undefined, next: next(2, 'sm4-gcm') });
      const view = { ...request('d-snap', 1), diskId: 'd-one', snapshotId: 's-one', baseSnapshotId: undefined };
      await plane.openSnapshotExport(view);
      await assert.rejects(plane.rotateDataKey(asked()), (error) => isKind(error, 'conflict'));
      await plane.closeExport('e-d-snap', { force: false });
      const pin = await plane.rotateDataKey(asked());
      assert.ok(pin.sequence > created.sequence);
      assert.equal(await subject.read(info), 2);
      await subject.write(info, 3);
      const key = (): DataKey => next(2, 'sm4-gcm').dataKey;
      assert.deepEqual((await sealed(plane, 'd-one', key)).wrappedKey, Uint8Array.of(2));
      await plane.closeExport('e-d-one', { force: false });
      await assert.rejects(plane.openExport(request('d-one', 1)));
      assert.equal(await subject.read(await plane.openExport({ ...request('d-one', 2), dataKey: key() })), 3);
      const again = { ...request('d-snap', 2), dataKey: key(), diskId: 'd-one', snapshotId: 's-one' };
      const served = await plane.openSnapshotExport({ ...again, baseSnapshotId: undefined });
      assert.equal(await subject.read(served), 1);
    },
  );

  promise(
    'a closed disk is sealed anew until somebody wants it, and its head tells which of two keys is right',
    async (plane, subject) => {
      await plane.createDisk(identity('d-one'), dataKey(1));
      await subject.write(await plane.openExport(request('d-one', 1)), 5);
      await plane.closeExport('e-d-one', { force: false });
      const nobody = { diskId: 'd-one', dataKeys: [], pin: undefined };
      assert.equal(await plane.continueReencryption(nobody), undefined);
      const before = await plane.continueReencryption({ ...nobody, dataKeys: [dataKey(2), dataKey(1)] });
      assert.deepEqual(before?.wrappedKey, Uint8Array.of(1, 2, 3));
      await plane.rotateDataKey({ diskId: 'd-one', dataKey: dataKey(1), pin: undefined, next: next(2) });
      const after = await plane.continueReencryption({ ...nobody, dataKeys: [dataKey(1), dataKey(2)] });
      assert.deepEqual(after?.wrappedKey, Uint8Array.of(2));
      const info = await plane.openExport(request('d-one', 2));
      assert.equal(await subject.read(info), 5);
      await plane.closeExport('e-d-one', { force: false });
      await sealed(plane, 'd-one', () => dataKey(2));
      await plane.createSnapshot('d-one', 's-one', dataKey(2), undefined);
      await plane.deleteDisk('d-one', { keep: [], drop: ['s-one'] });
    },
  );

  promise('what is sealed anew can rest, across a crash too', async (plane, subject) => {
    await plane.createDisk(identity('d-one'), dataKey(1));
    await subject.write(await plane.openExport(request('d-one', 1)), 6);
    await plane.closeExport('e-d-one', { force: false });
    // One byte a second, so that it cannot end before it is told to rest.
    const slow = { ...next(2), bytesPerSecond: 1 };
    await plane.rotateDataKey({ diskId: 'd-one', dataKey: dataKey(1), pin: undefined, next: slow });
    const asked = () => ({ diskId: 'd-one', dataKeys: [dataKey(2)], pin: undefined });
    const resting = await plane.continueReencryption({ ...asked(), paused: true });
    assert.equal(resting?.progress?.paused, true);
    await subject.crash();
    assert.equal((await plane.continueReencryption(asked()))?.progress?.paused, true);
    await plane.continueReencryption({ ...asked(), paused: false, bytesPerSecond: 0 });
    await sealed(plane, 'd-one', () => dataKey(2));
    assert.equal(await subject.read(await plane.openExport(request('d-one', 2))), 6);
  });

  promise(
    'a look at which of two keys is right leaves a disk that was not closed in order as it is',
    async (plane, subject) => {
      await plane.createDisk(identity('d-one'), dataKey(1));
      await subject.write(await plane.openExport(request('d-one', 1)), 5);
      const asked = { diskId: 'd-one', dataKey: dataKey(1), pin: undefined, next: { ...next(2), bytesPerSecond: 1 } };
      const rotated = await plane.rotateDataKey(asked);
      const open = await plane.settleDataKey({ diskId: 'd-one', dataKeys: [], pin: undefined });
      assert.deepEqual(open.wrappedKey, Uint8Array.of(2));
      await subject.crash();
      const both = () => ({ diskId: 'd-one', dataKeys: [dataKey(1), dataKey(2)], pin: rotated });
      for (let look = 0; look < 2; look++) {
        const state = await plane.settleDataKey(both());
        assert.deepEqual(state.wrappedKey, Uint8Array.of(2));
        assert.ok(state.progress !== undefined && state.pin.sequence >= rotated.sequence);
      }
      const clean = { ...request('d-one', 2), expectClean: true };
      await assert.rejects(
        plane.openExport(clean),
        (error) => isKind(error, 'conflict') && error.code === DISK_NOT_CLEAN,
      );
      await assert.rejects(plane.settleDataKey({ ...both(), dataKeys: [dataKey(3)] }), (error) =>
        isKind(error, 'corrupt'),
      );
      assert.equal(await subject.read(await plane.openExport(request('d-one', 2))), 5);
    },
  );

  promise('the data key is wrapped anew, open or closed, and stays what it is', async (plane) => {
    const pin = await plane.createDisk(identity('d-one'), dataKey(1));
    await plane.rewrapDataKey('d-one', Uint8Array.of(7), dataKey(1), pin);
    const closed = await plane.continueReencryption({ diskId: 'd-one', dataKeys: [dataKey(1)], pin });
    assert.deepEqual(closed?.wrappedKey, Uint8Array.of(7));
    await plane.openExport(request('d-one', 1));
    await plane.rewrapDataKey('d-one', Uint8Array.of(8), dataKey(1), pin);
    const open = await plane.continueReencryption({ diskId: 'd-one', dataKeys: [], pin });
    assert.deepEqual(open?.wrappedKey, Uint8Array.of(8));
  });

  promise('a disk that is to be independent of its source is sealed anew', async (plane, subject) => {
    await plane.createDisk(identity('d-one'), dataKey(1));
    await subject.write(await plane.openExport(request('d-one', 1)), 9);
    await plane.closeExport('e-d-one', { force: false });
    const pin = await plane.createSnapshot('d-one', 's-one', dataKey(1), undefined);
    const source = { diskId: 'd-one', snapshotId: 's-one', dataKey: dataKey(1), pin };
    await plane.cloneDisk(source, identity('d-two'), dataKey(2), { independent: true });
    await sealed(plane, 'd-two', () => dataKey(2));
    assert.equal(await subject.read(await plane.openExport(request('d-two', 2))), 9);
  });

  transferPromises(promise);
}
