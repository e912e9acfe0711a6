/** Disks, default encryption, and what is written to them. */
import { at, codeOf, type Model, type ModelDisk, type ModelSnapshot, type Outcome, type Place } from '../model.ts';
import { someId, type MoveMaker } from '../move.ts';
import { someKey } from './keys.ts';

const UNKNOWN_DISK = 'd-bp1000000000000000000';
const ZONES: Readonly<Record<string, readonly string[]>> = {
  'cn-hangzhou': ['cn-hangzhou-g', 'cn-hangzhou-h'],
  'cn-hongkong': ['cn-hongkong-b', 'cn-hongkong-d'],
};
/** Where encryption can be chosen for a disk from an unencrypted snapshot: the document's beta, as far as zones here go. */
const BETA_ZONES: readonly string[] = ['cn-hongkong-b'];

interface Wish {
  readonly zone: string;
  readonly category: string;
  readonly size: number;
  readonly snapshot: string | undefined;
  readonly encrypted: boolean | undefined;
  readonly keyId: string | undefined;
}

export const createDisk: MoveMaker = (turn) => {
  const { model, dice, place } = turn;
  const zones = ZONES[place.region] ?? [];
  const ids = [...model.snapshots.keys()];
  const own = ids.filter((id) => at(model.snapshots.get(id) ?? place) === at(place));
  const encrypted = [undefined, true, true, false][dice.below(4)];
  const wish: Wish = {
    zone: dice.pick(zones),
    category: dice.pick(['cloud_essd', 'cloud_essd', 'cloud_efficiency']),
    size: dice.pick([20, 40]),
    snapshot: ids.length > 0 && dice.chance(0.5) ? someId(dice, own, ids, 's-bp1000000000000000000') : undefined,
    encrypted,
    keyId: dice.chance(encrypted === true ? 0.5 : 0.05) ? someKey(turn) : undefined,
  };
  const verdict = judge(model, place, wish);
  return {
    what: `${at(place)}: CreateDisk ${JSON.stringify(wish)}`,
    expected: verdict.outcome,
    perform: (cloud) =>
      cloud.call(
        'CreateDisk',
        {
          RegionId: place.region,
          ZoneId: wish.zone,
          DiskCategory: wish.category,
          Size: wish.size,
          ...(wish.snapshot === undefined ? {} : { SnapshotId: wish.snapshot }),
          ...(wish.encrypted === undefined ? {} : { Encrypted: wish.encrypted }),
          ...(wish.keyId === undefined ? {} : { KMSKeyId: wish.keyId }),
        },
        place,
      ),
    apply: ({ DiskId: diskId = '', KMSKeyId: keyId = '' }) => {
      if (verdict.key === 'service' && model.serviceKey(place) === undefined)
        model.keys.set(keyId, { ...place, keyId, service: true, forDisks: true, state: 'Enabled' });
      const snapshot = wish.snapshot === undefined ? undefined : model.snapshots.get(wish.snapshot);
      const named = verdict.key === 'service' ? keyId : verdict.key;
      model.disks.set(diskId, {
        ...place,
        diskId,
        zone: wish.zone,
        sizeGib: Math.max(wish.size, snapshot?.sizeGib ?? 0),
        keyId: named,
        snapshotId: wish.snapshot,
        content: snapshot?.content ?? '',
        everUsed: false,
        exportId: undefined,
      });
    },
  };
};

/** `key` is `service` while the service key is still to be made. Facts.md 1.13, 3.2, section 7; decisions.md A4b, A5, B4, B5, B7. */
function judge(model: Model, place: Place, wish: Wish): { outcome: Outcome; key: string | null } {
  const no = (outcome: Outcome): { outcome: Outcome; key: null } => ({ outcome, key: null });
  if (wish.keyId !== undefined && wish.encrypted !== true) return no('InvalidParameter.EncryptedIllegal');
  const snapshot = wish.snapshot === undefined ? undefined : model.snapshots.get(wish.snapshot);
  if (wish.snapshot !== undefined && (snapshot === undefined || at(snapshot) !== at(place)))
    return no('InvalidSnapshotId.NotFound');
  const inherited = snapshot?.keyId ?? undefined;
  const standard = model.defaultKey(place);
  if (inherited !== undefined) {
    if (wish.encrypted === false) return no('InvalidEncrypted.NotMatchSnapshot');
    if (wish.keyId !== undefined && wish.keyId !== inherited) return no('InvalidKmsKeyId.NotMatchSnapshot');
    return withKey(model, place, inherited);
  }
  if (standard === undefined && wish.encrypted !== true) return { outcome: 'ok', key: null };
  if (wish.encrypted === false) return no('InvalidEncrypted.NotMatchDiskDefaultEncryption');
  if (snapshot !== undefined) {
    if (place.region !== 'cn-hongkong') return no('NotSupportSnapshotEncrypted.RegionId');
    if (!BETA_ZONES.includes(wish.zone)) return no('NotSupportSnapshotEncrypted.ZoneId');
    if (wish.category !== 'cloud_essd') return no('NotSupportSnapshotEncrypted.DiskCategory');
  }
  return withKey(model, place, wish.keyId ?? standard);
}

function withKey(model: Model, place: Place, keyId: string | undefined): ReturnType<typeof judge> {
  const trouble = model.trouble(place, keyId);
  if (trouble !== undefined) return { outcome: codeOf(trouble), key: null };
  return { outcome: 'ok', key: keyId ?? model.serviceKey(place)?.keyId ?? 'service' };
}

export function ownDisks(model: Model, place: Place): ModelDisk[] {
  return [...model.disks.values()].filter((disk) => at(disk) === at(place));
}

export const deleteDisk: MoveMaker = ({ model, dice, place }) => {
  const own = ownDisks(model, place).map(({ diskId }) => diskId);
  const diskId = someId(dice, own, [...model.disks.keys()], UNKNOWN_DISK);
  const disk = model.disks.get(diskId);
  const foreign = disk === undefined || disk.account !== place.account;
  return {
    what: `${at(place)}: DeleteDisk ${diskId}`,
    expected: !foreign && disk.exportId !== undefined ? 'IncorrectDiskStatus' : 'ok',
    perform: (cloud) => cloud.call('DeleteDisk', { DiskId: diskId }, place),
    // An id that nobody has is no error, and one of somebody else looks the same (facts.md 3.4).
    apply: () => void (!foreign && model.disks.delete(diskId)),
  };
};

/** Opens a disk for clients, who write to it. */
export const exportDisk: MoveMaker = ({ model, dice, place }) => {
  const own = ownDisks(model, place);
  if (own.length === 0) return undefined;
  const disk = dice.pick(own);
  const trouble = disk.keyId === null ? undefined : model.trouble(place, disk.keyId);
  const refused = trouble === undefined ? 'ok' : codeOf(trouble, 'InvalidKMSKeyId.NotFound');
  const content = `written ${dice.uint32().toString(36)}`;
  return {
    what: `${at(place)}: ExportDisk ${disk.diskId}`,
    expected: disk.exportId === undefined ? refused : 'IncorrectDiskStatus',
    perform: async (cloud) => {
      const answer = await cloud.call('ExportDisk', { DiskId: disk.diskId }, place);
      await cloud.write(disk.diskId, content);
      return answer;
    },
    apply: ({ ExportId }) => {
      disk.exportId = ExportId;
      disk.everUsed = true;
      disk.content = content;
    },
  };
};

/** Needs no key (decisions.md C4). */
export const unexportDisk: MoveMaker = ({ model, dice, place }) => {
  const open = ownDisks(model, place).filter(({ exportId }) => exportId !== undefined);
  if (open.length === 0) return undefined;
  const disk = dice.pick(open);
  return {
    what: `${at(place)}: UnexportDisk ${disk.diskId}`,
    expected: 'ok',
    perform: (cloud) => cloud.call('UnexportDisk', { ExportId: disk.exportId }, place),
    apply: () => {
      disk.exportId = undefined;
    },
  };
};

export const switchDefault: MoveMaker = (turn) => {
  const { model, dice, place } = turn;
  const standard = model.defaultKey(place);
  const input = { RegionId: place.region };
  if (dice.chance(0.4)) {
    const keyId = someKey(turn);
    const trouble = model.trouble(place, keyId);
    const refused = trouble === undefined ? 'ok' : codeOf(trouble, 'InvalidOperation.KMSKeyIdNotFound');
    return {
      what: `${at(place)}: ModifyDiskDefaultKMSKeyId ${keyId}`,
      expected: standard === undefined ? 'InvalidDefaultEncryption.NotFound' : refused,
      perform: (cloud) => cloud.call('ModifyDiskDefaultKMSKeyId', { ...input, KMSKeyId: keyId }, place),
      apply: () => model.setDefault(place, keyId),
    };
  }
  if (standard !== undefined) {
    return {
      what: `${at(place)}: DisableDiskEncryptionByDefault`,
      expected: 'ok',
      perform: (cloud) => cloud.call('DisableDiskEncryptionByDefault', input, place),
      apply: () => model.setDefault(place, undefined),
    };
  }
  return {
    what: `${at(place)}: EnableDiskEncryptionByDefault`,
    expected: model.hasKms(place) ? 'ok' : 'InvalidParameter.KmsNotEnabled',
    perform: async (cloud) => {
      await cloud.call('EnableDiskEncryptionByDefault', input, place);
      return cloud.call('DescribeDiskDefaultKMSKeyId', input, place);
    },
    apply: ({ KMSKeyId: keyId = '' }) => {
      model.keys.set(keyId, { ...place, keyId, service: true, forDisks: true, state: 'Enabled' });
      model.setDefault(place, keyId);
    },
  };
};

export const createSnapshot: MoveMaker = ({ model, dice, place }) => {
  const own = ownDisks(model, place).map(({ diskId }) => diskId);
  const diskId = someId(dice, own, [...model.disks.keys()], UNKNOWN_DISK);
  const disk = model.disks.get(diskId);
  return {
    what: `${at(place)}: CreateSnapshot ${diskId}`,
    expected: judgeSnapshot(model, place, disk),
    perform: (cloud) => cloud.call('CreateSnapshot', { DiskId: diskId }, place),
    apply: ({ SnapshotId: snapshotId = '' }) => {
      if (disk === undefined) return;
      const { account, region, sizeGib, keyId, content } = disk;
      model.snapshots.set(snapshotId, { account, region, snapshotId, diskId, sizeGib, keyId, content });
    },
  };
};

function judgeSnapshot(model: Model, { account }: Place, disk: ModelDisk | undefined): Outcome {
  if (disk?.account !== account) return 'InvalidDiskId.NotFound';
  if (!disk.everUsed) return 'IncorrectDiskStatus.NeverAttached';
  const trouble = disk.keyId === null ? undefined : model.trouble(disk, disk.keyId);
  return trouble === undefined ? 'ok' : codeOf(trouble);
}

export const deleteSnapshot: MoveMaker = ({ model, dice, place }) => {
  const own = [...model.snapshots.values()].filter((snapshot) => at(snapshot) === at(place));
  const ids = own.map(({ snapshotId }) => snapshotId);
  const snapshotId = someId(dice, ids, [...model.snapshots.keys()], 's-bp1000000000000000000');
  const snapshot: ModelSnapshot | undefined = model.snapshots.get(snapshotId);
  const foreign = snapshot?.account !== place.account;
  const used = [...model.disks.values()].some((disk) => disk.snapshotId === snapshotId);
  const force = dice.chance(0.3);
  return {
    what: `${at(place)}: DeleteSnapshot ${snapshotId}${force ? ' by force' : ''}`,
    expected: !foreign && used && !force ? 'SnapshotCreatedDisk' : 'ok',
    perform: (cloud) => cloud.call('DeleteSnapshot', { SnapshotId: snapshotId, Force: force }, place),
    apply: () => void (!foreign && model.snapshots.delete(snapshotId)),
  };
};
