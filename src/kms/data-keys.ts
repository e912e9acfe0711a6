import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Suite } from '../crypto/aead.ts';
import type { Key } from '../metadata/keys.ts';
import type { Sealer } from '../metadata/sealer.ts';
import { keyVersionOf } from './ciphertext-blob.ts';
import {
  contextOf,
  damaged,
  DISK_KEY_SIZE_BYTES,
  diskSuiteOf,
  notFound,
  refusal,
  requireEnabled,
  translated,
  type DiskKeyRefusal,
} from './disk-key-rules.ts';
import type { Envelope } from './envelope.ts';
import { parseKeyReference } from './key-reference.ts';
import { KeyRoles, type EvaluateServiceRole } from './key-roles.ts';
import type { Keys } from './keys.ts';
import type { KmsService } from './kms-service.ts';
import { ReceiverKeys, type ReceivedKey, type SharingObstacle } from './receiver-keys.ts';
import type { Scope } from './scope.ts';
import type { ServiceKeys } from './service-key.ts';

export const DISK_ROLE = 'AliyunECSDiskEncryptDefaultRole';
const DISK_SERVICE = 'ecs.aliyuncs.com';
const DISK_TAG = { key: 'acs:ecs:disk-encryption', value: 'true' } as const;

/** A use of a key that a cloud service makes of its own accord. */
export interface KeyUse {
  readonly account: string;
  readonly region: string;
  readonly service: string;
  /** The role that allows it; null for the service key. */
  readonly role: string | null;
  /** The other account for which the key of an image that it was given is used. */
  readonly receiver?: string;
  readonly keyId: string;
  /** Null when the wrapped key names none. */
  readonly keyVersionId: string | null;
  readonly purpose: 'GenerateDataKey' | 'Decrypt' | 'Encrypt';
  /** Whose data key it is about: a disk, or a stream. */
  readonly diskId: string;
}

/**
 * Has a use of a key on record before it happens. Implementation: src/audit, passed in by main.
 * @throws {SystemError} kind `unavailable`: it is not on record, and the key must not be used.
 */
export type RecordKeyUse = (use: KeyUse) => Promise<void>;

export interface GeneratedDiskKey {
  readonly kmsKeyId: string;
  readonly suite: Suite;
  /** 32 bytes, wiped by the receiver. */
  readonly plaintext: Uint8Array;
  /** docs/formats/data-key.md */
  readonly wrapped: Uint8Array;
}

export interface DiskKeyParts {
  readonly service: KmsService;
  readonly keys: Keys;
  readonly serviceKeys: ServiceKeys;
  readonly envelope: Envelope;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly random: Random;
  readonly evaluateServiceRole: EvaluateServiceRole;
  readonly recordKeyUse: RecordKeyUse;
}

/**
 * The data keys of disks. A user's own key is used only as far as the account's disk role allows, asked at every use.
 * Checks in the order of decisions.md B7: KMS open, role, key exists, spec, state, tag.
 */
export class DiskKeys {
  readonly #parts: DiskKeyParts;
  readonly #roles: KeyRoles;
  readonly #receivers: ReceiverKeys;

  constructor(parts: DiskKeyParts) {
    this.#parts = parts;
    this.#roles = new KeyRoles(parts.keys, parts.clock, parts.evaluateServiceRole);
    this.#receivers = new ReceiverKeys(parts);
  }

  /**
   * Makes a disk's data key under `keyId` (an id, or the ARN of a key of this account and region), or under the service
   * key, which is made on first use.
   * @throws {SystemError} code a `DiskKeyRefusal`.
   */
  async generate(
    request: Scope & { readonly diskId: string; readonly keyId?: string | undefined },
  ): Promise<GeneratedDiskKey> {
    const { envelope } = this.#parts;
    const key = await this.#keyForNewDisks(request);
    const suite = diskSuiteOf(key);
    await this.#record(request, key, key.primaryVersionId, 'GenerateDataKey');
    const context = contextOf(request.diskId, suite);
    const made = await translated(() => envelope.generateDataKey('GenerateDataKey', key, context, DISK_KEY_SIZE_BYTES));
    return { kmsKeyId: made.keyId, suite, plaintext: made.plaintext, wrapped: made.blob };
  }

  /**
   * The id of a key that `generate` would take now; makes no data key.
   * @throws {SystemError} code a `DiskKeyRefusal`.
   */
  async choose(request: Scope & { readonly keyId?: string | undefined }): Promise<string> {
    return (await this.#keyForNewDisks(request)).keyId;
  }

  /**
   * Opens what `generate` wrapped for the same disk.
   * @returns 32 bytes, wiped by the receiver.
   * @throws {SystemError} code a `DiskKeyRefusal`; kind `corrupt`, code `DATA_KEY_DAMAGED`.
   */
  async open(
    request: Scope & {
      readonly kmsKeyId: string;
      readonly diskId: string;
      readonly suite: Suite;
      readonly wrapped: Uint8Array;
    },
  ): Promise<Uint8Array> {
    const { service, envelope } = this.#parts;
    await this.#requireOpen(service, request);
    const key = await this.#usableKey(request, request.kmsKeyId, 'kms:Decrypt');
    diskSuiteOf(key);
    requireEnabled(key);
    await this.#record(request, key, keyVersionOf(request.wrapped) ?? null, 'Decrypt');
    const context = contextOf(request.diskId, request.suite);
    const opened = await translated(() => envelope.decrypt(request, context, request.wrapped));
    if (opened.keyId === key.keyId && opened.plaintext.length === DISK_KEY_SIZE_BYTES) return opened.plaintext;
    opened.plaintext.fill(0);
    throw damaged(request.diskId);
  }

  /** The same for an account that an image was shared with: under the sharing role, not the disk role. receiver-keys.ts */
  openForReceiver(
    request: ReceivedKey & { readonly diskId: string; readonly suite: Suite; readonly wrapped: Uint8Array },
  ): Promise<Uint8Array> {
    return this.#receivers.open(request);
  }

  /** What keeps a receiver from a key now; undefined when nothing does. */
  sharingObstacle(request: ReceivedKey): Promise<SharingObstacle | undefined> {
    return this.#receivers.obstacle(request);
  }

  /**
   * Wraps a data key that `open` answered anew, under the newest version of the same KMS key.
   * @param request.plaintext stays the caller's.
   * @throws {SystemError} code a `DiskKeyRefusal`.
   */
  async rewrap(
    request: Scope & {
      readonly kmsKeyId: string;
      readonly diskId: string;
      readonly suite: Suite;
      readonly plaintext: Uint8Array;
    },
  ): Promise<Uint8Array> {
    const { service, envelope } = this.#parts;
    await this.#requireOpen(service, request);
    const key = await this.#usableKey(request, request.kmsKeyId, 'kms:Encrypt');
    diskSuiteOf(key);
    requireEnabled(key);
    await this.#record(request, key, key.primaryVersionId, 'Encrypt');
    const context = contextOf(request.diskId, request.suite);
    return (await translated(() => envelope.encrypt('Encrypt', key, context, request.plaintext))).blob;
  }

  /** The data key of a disk that the API calls unencrypted: the same format, wrapped by the root key, no KMS. */
  generatePlain(request: { readonly diskId: string }): Omit<GeneratedDiskKey, 'kmsKeyId'> {
    const suite: Suite = 'aes-256-gcm';
    const plaintext = this.#parts.random.bytes(DISK_KEY_SIZE_BYTES);
    return { suite, plaintext, wrapped: this.#parts.sealer.seal(plainContextOf(request.diskId, suite), plaintext) };
  }

  /** @throws {SystemError} kind `corrupt`. */
  openPlain(request: { readonly diskId: string; readonly suite: Suite; readonly wrapped: Uint8Array }): Uint8Array {
    return this.#parts.sealer.open(plainContextOf(request.diskId, request.suite), request.wrapped);
  }

  #record(
    request: Scope & { readonly diskId: string },
    key: Key,
    keyVersionId: string | null,
    purpose: KeyUse['purpose'],
  ): Promise<void> {
    return this.#parts.recordKeyUse({
      account: request.accountId,
      region: request.regionId,
      service: DISK_SERVICE,
      role: key.creatorType === 'User' ? DISK_ROLE : null,
      keyId: key.keyId,
      keyVersionId,
      purpose,
      diskId: request.diskId,
    });
  }

  /** Enabled, of a spec for disks, tagged as one that disks use. */
  async #keyForNewDisks(request: Scope & { readonly keyId?: string | undefined }): Promise<Key> {
    const { keys, serviceKeys, service } = this.#parts;
    await this.#requireOpen(service, request);
    const key =
      request.keyId === undefined
        ? await serviceKeys.obtain(request)
        : await this.#usableKey(request, request.keyId, 'kms:GenerateDataKey');
    diskSuiteOf(key);
    requireEnabled(key);
    if (key.creatorType === 'User' && !isTagged(key)) {
      await this.#requireRole(request, key.keyId, ['kms:TagResource'], 'CMKUnauthorized');
      await translated(() => keys.tag(request, key.keyId, DISK_TAG));
    }
    return key;
  }

  /** Role first, then existence: without the role ECS may not even learn whether the key exists. */
  async #usableKey(scope: Scope, reference: string, action: string): Promise<Key> {
    const parsed = parseKeyReference(scope, reference);
    const serviceKey = await this.#parts.serviceKeys.find(scope);
    if (parsed.kind === 'id' && serviceKey?.keyId === parsed.keyId) return serviceKey;
    // Aliases are no key ids here. Source: decisions.md C10.
    const keyId = parsed.kind === 'id' ? parsed.keyId : reference;
    await this.#requireRole(scope, keyId, ['kms:DescribeKey', action], 'KMSUnauthorized');
    if (parsed.kind !== 'id') throw notFound();
    return translated(() => this.#parts.keys.find(scope, parsed.keyId, { alias: 'refused' }));
  }

  async #requireOpen(service: KmsService, scope: Scope): Promise<void> {
    if (!(await service.isOpen(scope)))
      throw refusal('KmsNotEnabled', `KMS is not open in ${scope.regionId}; call OpenKmsService there first.`);
  }

  async #requireRole(scope: Scope, keyId: string, actions: readonly string[], code: DiskKeyRefusal): Promise<void> {
    const role = { roleName: DISK_ROLE, service: DISK_SERVICE };
    const verdict = await this.#roles.ask(scope, role, keyId, actions);
    if (verdict === 'allowed') return;
    const why =
      verdict === 'role-missing'
        ? 'does not exist; create it with the policy AliyunECSDiskEncryptRolePolicy'
        : verdict === 'not-trusted'
          ? `does not trust ${DISK_SERVICE}`
          : `does not allow ${verdict.denied.action} on the key`;
    throw refusal(code, `The role ${DISK_ROLE} ${why}.`);
  }
}

const plainContextOf = (diskId: string, suite: Suite): string => `plain-disk:${diskId}:${suite}`;

function isTagged(key: Key): boolean {
  return key.tags.some((tag) => tag.key === DISK_TAG.key && tag.value === DISK_TAG.value);
}
