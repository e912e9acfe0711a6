import { isKind } from '../base/errors.ts';
import type { Suite } from '../crypto/aead.ts';
import type { Key } from '../metadata/keys.ts';
import { keyVersionOf } from './ciphertext-blob.ts';
import type { DiskKeyParts } from './data-keys.ts';
import {
  contextOf,
  damaged,
  DISK_KEY_SIZE_BYTES,
  diskKeyRefusalOf,
  diskSuiteOf,
  refusal,
  translated,
} from './disk-key-rules.ts';
import { KeyRoles, type RoleVerdict } from './key-roles.ts';
import type { Scope } from './scope.ts';

/** In the account that shares, with one trust entry for each receiver. Source: facts.md 6.2. */
export const SHARING_ROLE = 'AliyunECSShareEncryptImageDefaultRole';

/** What a receiver needs of the key of an image: to read its data key, and nothing else. */
const RECEIVER_ACTIONS = ['kms:DescribeKey', 'kms:Decrypt'] as const;

/** How ECS names itself when it acts for a receiver: plain `ecs.aliyuncs.com` is not enough. Source: decisions.md D2. */
export const receiverService = (receiver: string): string => `${receiver}@ecs.aliyuncs.com`;

/** A key of the account that shares, in its region, and the account that wants to read what is under it. */
export interface ReceivedKey extends Scope {
  readonly kmsKeyId: string;
  readonly receiver: string;
}

/**
 * Why a receiver cannot use a key, for the account that shares to mend:
 * `service-key`: it is the service key, which is nobody else's business; `role`: the sharing role does not exist, or does not
 * trust the receiver; `permission`: the role may not do what is needed; `not-enabled`: the key is in another state, or gone.
 */
export interface SharingObstacle {
  readonly obstacle: 'service-key' | 'role' | 'permission' | 'not-enabled';
  readonly message: string;
}

/**
 * The data keys of images for accounts that they are shared with. The sharing role of the account that has the key is asked
 * at every use, and every use is on record with both accounts. Source: facts.md 5.13, 6.2; decisions.md D1, D2, D6.
 */
export class ReceiverKeys {
  readonly #parts: DiskKeyParts;
  readonly #roles: KeyRoles;

  constructor(parts: DiskKeyParts) {
    this.#parts = parts;
    this.#roles = new KeyRoles(parts.keys, parts.clock, parts.evaluateServiceRole);
  }

  /** What keeps the receiver from the key now; undefined when nothing does. Uses no key. */
  async obstacle(asked: ReceivedKey): Promise<SharingObstacle | undefined> {
    const found = await this.#usable(asked);
    return 'obstacle' in found ? found : undefined;
  }

  /**
   * Opens, for a receiver, a data key that is wrapped under a key of another account.
   * @returns 32 bytes, wiped by the caller.
   * @throws {SystemError} code `CMKNotEnabled`: the key is not enabled, or gone; `KMSUnauthorized`: anything else is in the
   *   way (decisions.md D6); kind `corrupt`, code `DATA_KEY_DAMAGED`.
   */
  async open(
    asked: ReceivedKey & { readonly diskId: string; readonly suite: Suite; readonly wrapped: Uint8Array },
  ): Promise<Uint8Array> {
    const { envelope, recordKeyUse } = this.#parts;
    const { accountId, regionId, receiver, diskId, suite, wrapped } = asked;
    const key = await this.#usable(asked);
    if ('obstacle' in key)
      throw refusal(key.obstacle === 'not-enabled' ? 'CMKNotEnabled' : 'KMSUnauthorized', key.message);
    diskSuiteOf(key);
    await recordKeyUse({
      account: accountId,
      region: regionId,
      service: receiverService(receiver),
      role: SHARING_ROLE,
      receiver,
      keyId: key.keyId,
      keyVersionId: keyVersionOf(wrapped) ?? null,
      purpose: 'Decrypt',
      diskId,
    });
    const opened = await goneIsNotEnabled(() => envelope.decrypt(asked, contextOf(diskId, suite), wrapped));
    if (opened.keyId === key.keyId && opened.plaintext.length === DISK_KEY_SIZE_BYTES) return opened.plaintext;
    opened.plaintext.fill(0);
    throw damaged(diskId);
  }

  /** In the order of decisions.md B7: KMS open, role, key exists, state. */
  async #usable(asked: ReceivedKey): Promise<Key | SharingObstacle> {
    const { service, serviceKeys, keys } = this.#parts;
    const { kmsKeyId, receiver } = asked;
    if ((await serviceKeys.find(asked))?.keyId === kmsKeyId)
      return {
        obstacle: 'service-key',
        message:
          'The image is encrypted under the service key, which no other account can use; copy it under a key of your own with CopyImage and share the copy.',
      };
    if (!(await service.isOpen(asked))) return notEnabled('KMS is not open for the account that shares the image');
    const role = { roleName: SHARING_ROLE, service: receiverService(receiver) };
    const missing = missingOf(role.service, await this.#roles.ask(asked, role, kmsKeyId, RECEIVER_ACTIONS));
    if (missing !== undefined) return missing;
    let key;
    try {
      key = await keys.find(asked, kmsKeyId, { alias: 'refused' });
    } catch (error) {
      if (isKind(error, 'not-found')) return notEnabled('The key of the image does not exist any more');
      throw error;
    }
    return key.keyState === 'Enabled' ? key : notEnabled(`The key of the image is ${key.keyState}`);
  }
}

function missingOf(service: string, verdict: RoleVerdict): SharingObstacle | undefined {
  if (verdict === 'allowed') return undefined;
  if (verdict === 'role-missing')
    return {
      obstacle: 'role',
      message: `The role ${SHARING_ROLE} does not exist in the account that shares the image; create it, trusting ${service}.`,
    };
  if (verdict === 'not-trusted')
    return {
      obstacle: 'role',
      message: `The role ${SHARING_ROLE} does not trust ${service}; add that to its trust policy.`,
    };
  return {
    obstacle: 'permission',
    message: `The role ${SHARING_ROLE} does not allow ${verdict.denied.action} on the key of the image; attach a policy that does.`,
  };
}

function notEnabled(why: string): SharingObstacle {
  return { obstacle: 'not-enabled', message: `${why}; only the account that shares the image can mend that.` };
}

async function goneIsNotEnabled<T>(use: () => Promise<T>): Promise<T> {
  try {
    return await translated(use);
  } catch (error) {
    if (diskKeyRefusalOf(error) !== 'KeyNotFound') throw error;
    throw refusal('CMKNotEnabled', 'The key of the image does not exist any more.', error);
  }
}
