import type { Key, KeyState } from '../metadata/keys.ts';

/** Operations whose outcome depends on the state of a key. Names as in the API. */
export type KeyOperation =
  | 'Encrypt'
  | 'Decrypt'
  | 'GenerateDataKey'
  | 'GenerateDataKeyWithoutPlaintext'
  | 'ReEncrypt'
  | 'GenerateAndExportDataKey'
  | 'ExportDataKey'
  | 'AsymmetricEncrypt'
  | 'AsymmetricDecrypt'
  | 'AsymmetricSign'
  | 'AsymmetricVerify'
  | 'GetPublicKey'
  | 'GenerateMac'
  | 'VerifyMac'
  | 'ImportKeyMaterial'
  | 'CreateKeyVersion'
  | 'UpdateRotationPolicy'
  | KeyReading
  | 'UpdateKeyDescription'
  | 'SetDeletionProtection'
  | 'SetKeyPolicy'
  | 'DeleteKeyMaterial'
  | 'EnableKey'
  | 'DisableKey'
  | 'ScheduleKeyDeletion'
  | 'CancelKeyDeletion'
  | 'CreateAlias'
  | 'UpdateAlias';

/** Possible in every state: they neither use the key nor change what its state decides. */
export type KeyReading =
  | 'DescribeKey'
  | 'GetParametersForImport'
  | 'DescribeKeyVersion'
  | 'ListKeyVersions'
  | 'ListAliasesByKeyId'
  | 'DeleteAlias'
  | 'GetKeyPolicy'
  | 'TagResource'
  | 'UntagResource'
  | 'ListResourceTags'
  | 'TagResources'
  | 'UntagResources'
  | 'ListTagResources';

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
const always: Row = { Enabled: ok, Disabled: ok, PendingDeletion: ok, PendingImport: ok };
const edit: Row = { Enabled: ok, Disabled: ok, PendingDeletion: 'KEY_PENDING_DELETION', PendingImport: ok };
const unlessDying: Row = { Enabled: ok, Disabled: ok, PendingDeletion: conflict, PendingImport: ok };

/**
 * Source: facts.md 2.4, "Impact of CMK state on API calls". CreateKeyVersion, UpdateRotationPolicy and
 * SetDeletionProtection: their own pages of the API reference. Key policies and tags are in no table: a policy is edited
 * like a description, tags in every state.
 * What no document names and needs the material counts as a use.
 */
export const KEY_STATES: Readonly<Record<KeyOperation, Row>> = {
  Encrypt: use,
  Decrypt: use,
  GenerateDataKey: use,
  GenerateDataKeyWithoutPlaintext: use,
  ReEncrypt: use,
  GenerateAndExportDataKey: use,
  ExportDataKey: use,
  AsymmetricEncrypt: use,
  AsymmetricDecrypt: use,
  AsymmetricSign: use,
  AsymmetricVerify: use,
  GetPublicKey: use,
  GenerateMac: use,
  VerifyMac: use,
  GetParametersForImport: always,
  ImportKeyMaterial: unlessDying,
  DeleteKeyMaterial: always,
  CreateKeyVersion: use,
  UpdateRotationPolicy: use,
  DescribeKey: always,
  DescribeKeyVersion: always,
  ListKeyVersions: always,
  ListAliasesByKeyId: always,
  DeleteAlias: always,
  GetKeyPolicy: always,
  TagResource: always,
  UntagResource: always,
  ListResourceTags: always,
  TagResources: always,
  UntagResources: always,
  ListTagResources: always,
  UpdateKeyDescription: edit,
  SetDeletionProtection: edit,
  SetKeyPolicy: edit,
  EnableKey: toggle,
  DisableKey: toggle,
  ScheduleKeyDeletion: unlessDying,
  CancelKeyDeletion: { Enabled: conflict, Disabled: conflict, PendingDeletion: ok, PendingImport: conflict },
  CreateAlias: unlessDying,
  // Of the key that the alias is to lead to.
  UpdateAlias: edit,
};

/** The state of a key at a moment: without its imported material, or when that has expired, it waits for an import. */
export function stateAt(key: Key, nowMs: number): KeyState {
  if (key.origin !== 'EXTERNAL' || key.keyState === 'PendingDeletion') return key.keyState;
  const isThere = key.materialImportedMs !== null && (key.materialExpireMs === null || key.materialExpireMs > nowMs);
  return isThere ? key.keyState : 'PendingImport';
}
