import type { KeyState } from '../metadata/keys.ts';

/** Operations whose outcome depends on the state of a key. Names as in the API. */
export type KeyOperation =
  | 'Encrypt'
  | 'Decrypt'
  | 'GenerateDataKey'
  | 'GenerateDataKeyWithoutPlaintext'
  | 'DescribeKey'
  | 'EnableKey'
  | 'DisableKey'
  | 'ScheduleKeyDeletion'
  | 'CancelKeyDeletion'
  | 'CreateAlias';

/** Why a state forbids an operation: codes of SystemErrors of kind `conflict`. */
export type StateRefusal = 'KEY_DISABLED' | 'KEY_PENDING_DELETION' | 'KEY_PENDING_IMPORT' | 'KEY_STATE_CONFLICT';

type Row = Readonly<Record<KeyState, 'ok' | StateRefusal>>;

const ok = 'ok';
const conflict = 'KEY_STATE_CONFLICT';
const use: Row = {
  Enabled: ok,
  Disabled: 'KEY_DISABLED',
  PendingDeletion: 'KEY_PENDING_DELETION',
  PendingImport: 'KEY_PENDING_IMPORT',
};
const toggle: Row = { Enabled: ok, Disabled: ok, PendingDeletion: conflict, PendingImport: conflict };
const unlessDying: Row = { Enabled: ok, Disabled: ok, PendingDeletion: conflict, PendingImport: ok };

/** Source: facts.md 2.4, "Impact of CMK state on API calls". */
export const KEY_STATES: Readonly<Record<KeyOperation, Row>> = {
  Encrypt: use,
  Decrypt: use,
  GenerateDataKey: use,
  GenerateDataKeyWithoutPlaintext: use,
  DescribeKey: { Enabled: ok, Disabled: ok, PendingDeletion: ok, PendingImport: ok },
  EnableKey: toggle,
  DisableKey: toggle,
  ScheduleKeyDeletion: unlessDying,
  CancelKeyDeletion: { Enabled: conflict, Disabled: conflict, PendingDeletion: ok, PendingImport: conflict },
  CreateAlias: unlessDying,
};
