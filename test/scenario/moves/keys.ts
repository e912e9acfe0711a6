/** Keys, their states, and the role that lets disks use them. */
import { at, type ModelKey } from '../model.ts';
import type { Move, MoveMaker, Turn } from '../move.ts';

const WINDOW_DAYS = 7;

export const createKey: MoveMaker = ({ model, dice, place }) => {
  if (!model.hasKms(place) || model.keysOf(place).length >= 6) return undefined;
  const spec = dice.pick(['Aliyun_AES_256', 'Aliyun_AES_256', 'Aliyun_SM4', 'RSA_2048'] as const);
  return {
    what: `${at(place)}: CreateKey ${spec}`,
    expected: 'ok',
    perform: async (cloud) => ({ KeyId: await cloud.createKey(place, spec) }),
    apply: ({ KeyId: keyId = '' }) =>
      void model.keys.set(keyId, { ...place, keyId, service: false, forDisks: spec !== 'RSA_2048', state: 'Enabled' }),
  };
};

/** Changes the state of an own key as KMS allows it; what KMS refuses has a table of its own. */
export const changeKeyState: MoveMaker = ({ model, dice, place }) => {
  const candidates = model.keysOf(place).filter(({ service, state }) => !service && state !== 'Deleted');
  if (candidates.length === 0) return undefined;
  const key = dice.pick(candidates);
  if (key.state === 'PendingDeletion') {
    return dice.chance(0.7)
      ? stateMove(key, 'cancelDeletion', 'Enabled')
      : stateMove(key, 'destroy', 'Deleted', () => destroyDueToo(model, key));
  }
  if (dice.chance(0.2)) return stateMove(key, 'scheduleDeletion', 'PendingDeletion');
  return key.state === 'Enabled' ? stateMove(key, 'disable', 'Disabled') : stateMove(key, 'enable', 'Enabled');
};

/** Time passes for every key: all that wait are destroyed with it. */
function destroyDueToo(model: Turn['model'], key: ModelKey): void {
  for (const other of model.keys.values()) if (other.state === 'PendingDeletion') other.state = 'Deleted';
  key.state = 'Deleted';
}

export type KeyChange = 'disable' | 'enable' | 'scheduleDeletion' | 'cancelDeletion' | 'destroy';

function stateMove(key: ModelKey, change: KeyChange, state: ModelKey['state'], apply?: () => void): Move {
  return {
    what: `${at(key)}: ${change} key ${key.keyId}${change === 'scheduleDeletion' ? ` in ${WINDOW_DAYS} days` : ''}`,
    expected: 'ok',
    perform: async (cloud) => {
      await cloud.changeKey(key, change, WINDOW_DAYS);
      return {};
    },
    apply: () => {
      key.state = state;
      apply?.();
    },
  };
}

export const openKms: MoveMaker = ({ model, place }) =>
  model.hasKms(place)
    ? undefined
    : {
        what: `${at(place)}: OpenKmsService`,
        expected: 'ok',
        perform: async (cloud) => {
          await cloud.test.openKms(place);
          return {};
        },
        apply: () => model.openKms(place),
      };

export const changeRole: MoveMaker = ({ model, place: { account } }) => {
  const there = model.roles.has(account);
  return {
    what: `${account}: ${there ? 'DeleteRole' : 'CreateRole'} for disks`,
    expected: 'ok',
    perform: async (cloud) => {
      await (there ? cloud.removeDiskRole(account) : cloud.test.allowDiskRole({ account }));
      return {};
    },
    apply: () => void (there ? model.roles.delete(account) : model.roles.add(account)),
  };
};

/** A key to name in a request: mostly one that works here, sometimes somebody else's, one of another region, or none. */
export function someKey({ model, dice, place }: Turn): string {
  const own = model.keysOf(place).filter(({ service }) => !service);
  if (own.length > 0 && dice.chance(0.85)) return dice.pick(own).keyId;
  const all = [...model.keys.values()];
  return all.length > 0 && dice.chance(0.8) ? dice.pick(all).keyId : '00000000-0000-4000-8000-000000000000';
}
