import type { Action } from '../../api/action.ts';
import { cancelKeyDeletion } from './actions/CancelKeyDeletion.ts';
import { createAlias } from './actions/CreateAlias.ts';
import { createKey } from './actions/CreateKey.ts';
import { decrypt } from './actions/Decrypt.ts';
import { describeAccountKmsStatus } from './actions/DescribeAccountKmsStatus.ts';
import { describeKey } from './actions/DescribeKey.ts';
import { disableKey } from './actions/DisableKey.ts';
import { enableKey } from './actions/EnableKey.ts';
import { encrypt } from './actions/Encrypt.ts';
import { generateDataKey } from './actions/GenerateDataKey.ts';
import { generateDataKeyWithoutPlaintext } from './actions/GenerateDataKeyWithoutPlaintext.ts';
import { listAliases } from './actions/ListAliases.ts';
import { listKeys } from './actions/ListKeys.ts';
import { openKmsService } from './actions/OpenKmsService.ts';
import { scheduleKeyDeletion } from './actions/ScheduleKeyDeletion.ts';
import type { KmsDependencies } from './dependencies.ts';

const ACTIONS = [
  openKmsService,
  describeAccountKmsStatus,
  createKey,
  describeKey,
  listKeys,
  enableKey,
  disableKey,
  scheduleKeyDeletion,
  cancelKeyDeletion,
  generateDataKey,
  generateDataKeyWithoutPlaintext,
  encrypt,
  decrypt,
  createAlias,
  listAliases,
];

/** Every KMS operation that Sealdisk knows. */
export function kmsActions(deps: KmsDependencies): readonly Action[] {
  return ACTIONS.map((action) => action(deps) as Action);
}
