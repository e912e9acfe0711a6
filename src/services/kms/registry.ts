import type { Action } from '../../api/action.ts';
import { asymmetricDecrypt } from './actions/AsymmetricDecrypt.ts';
import { asymmetricEncrypt } from './actions/AsymmetricEncrypt.ts';
import { asymmetricSign } from './actions/AsymmetricSign.ts';
import { asymmetricVerify } from './actions/AsymmetricVerify.ts';
import { cancelKeyDeletion } from './actions/CancelKeyDeletion.ts';
import { createAlias } from './actions/CreateAlias.ts';
import { createKey } from './actions/CreateKey.ts';
import { createKeyVersion } from './actions/CreateKeyVersion.ts';
import { decrypt } from './actions/Decrypt.ts';
import { deleteAlias } from './actions/DeleteAlias.ts';
import { deleteKeyMaterial } from './actions/DeleteKeyMaterial.ts';
import { describeAccountKmsStatus } from './actions/DescribeAccountKmsStatus.ts';
import { describeKey } from './actions/DescribeKey.ts';
import { describeKeyVersion } from './actions/DescribeKeyVersion.ts';
import { describeRegions } from './actions/DescribeRegions.ts';
import { disableKey } from './actions/DisableKey.ts';
import { enableKey } from './actions/EnableKey.ts';
import { encrypt } from './actions/Encrypt.ts';
import { exportDataKey } from './actions/ExportDataKey.ts';
import { generateAndExportDataKey } from './actions/GenerateAndExportDataKey.ts';
import { generateDataKey } from './actions/GenerateDataKey.ts';
import { generateDataKeyWithoutPlaintext } from './actions/GenerateDataKeyWithoutPlaintext.ts';
import { generateMac } from './actions/GenerateMac.ts';
import { getKeyPolicy } from './actions/GetKeyPolicy.ts';
import { getParametersForImport } from './actions/GetParametersForImport.ts';
import { getPublicKey } from './actions/GetPublicKey.ts';
import { importKeyMaterial } from './actions/ImportKeyMaterial.ts';
import { listAliases } from './actions/ListAliases.ts';
import { listAliasesByKeyId } from './actions/ListAliasesByKeyId.ts';
import { listKeyVersions } from './actions/ListKeyVersions.ts';
import { listKeys } from './actions/ListKeys.ts';
import { listResourceTags } from './actions/ListResourceTags.ts';
import { listTagResources } from './actions/ListTagResources.ts';
import { openKmsService } from './actions/OpenKmsService.ts';
import { reEncrypt } from './actions/ReEncrypt.ts';
import { scheduleKeyDeletion } from './actions/ScheduleKeyDeletion.ts';
import { setDeletionProtection } from './actions/SetDeletionProtection.ts';
import { setKeyPolicy } from './actions/SetKeyPolicy.ts';
import { tagResource } from './actions/TagResource.ts';
import { tagResources } from './actions/TagResources.ts';
import { untagResource } from './actions/UntagResource.ts';
import { untagResources } from './actions/UntagResources.ts';
import { updateAlias } from './actions/UpdateAlias.ts';
import { updateKeyDescription } from './actions/UpdateKeyDescription.ts';
import { updateRotationPolicy } from './actions/UpdateRotationPolicy.ts';
import { verifyMac } from './actions/VerifyMac.ts';
import type { KmsDependencies } from './dependencies.ts';

const ACTIONS = [
  openKmsService,
  describeAccountKmsStatus,
  describeRegions,

  createKey,
  describeKey,
  listKeys,
  updateKeyDescription,
  enableKey,
  disableKey,
  scheduleKeyDeletion,
  cancelKeyDeletion,
  setDeletionProtection,
  getKeyPolicy,
  setKeyPolicy,

  createKeyVersion,
  describeKeyVersion,
  listKeyVersions,
  updateRotationPolicy,

  generateDataKey,
  generateDataKeyWithoutPlaintext,
  encrypt,
  decrypt,
  reEncrypt,

  generateAndExportDataKey,
  exportDataKey,

  asymmetricEncrypt,
  asymmetricDecrypt,
  asymmetricSign,
  asymmetricVerify,
  getPublicKey,
  generateMac,
  verifyMac,

  getParametersForImport,
  importKeyMaterial,
  deleteKeyMaterial,

  createAlias,
  updateAlias,
  deleteAlias,
  listAliases,
  listAliasesByKeyId,

  tagResource,
  untagResource,
  listResourceTags,
  tagResources,
  untagResources,
  listTagResources,
];

/** Every KMS operation that Sealdisk knows. */
export function kmsActions(deps: KmsDependencies): readonly Action[] {
  return ACTIONS.map((action) => action(deps) as Action);
}
