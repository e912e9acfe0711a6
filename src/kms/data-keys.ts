import { isoSeconds, type Clock } from '../base/clock.ts';
import { isKind, SystemError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { Suite } from '../crypto/aead.ts';
import type { Key } from '../metadata/keys.ts';
import type { Sealer } from '../metadata/sealer.ts';
import { keyVersionOf } from './ciphertext-blob.ts';
import type { EncryptionContext } from './encryption-context.ts';
import type { Envelope } from './envelope.ts';
import { keyArn, parseKeyReference } from './key-reference.ts';
import { KEY_SPECS } from './key-specs.ts';
import type { Keys } from './keys.ts';
import type { KmsService } from './kms-service.ts';
import { kmsRefusalOf } from './refusals.ts';
import type { Scope } from './scope.ts';
import type { ServiceKeys } from './service-key.ts';

export const DISK_KEY_SIZE_BYTES = 32;
export const DISK_ROLE = 'AliyunECSDiskEncryptDefaultRole';
const DISK_SERVICE = 'ecs.aliyuncs.com';
const DISK_TAG = { key: 'acs:ecs:disk-encryption', value: 'true' } as const;

/** What the account's role says to a request of a cloud service. Implementation: src/ram, passed in by main. */
export type EvaluateServiceRole = (request: {
  readonly accountId: string;
  readonly roleName: string;
  readonly service: string;
  readonly accesses: readonly { readonly action: string; readonly resource: string }[];
  /** What the conditions of policies may ask about: `acs:CurrentTime`, `kms:tag/<key>`. */
  readonly context: Readonly<Record<string, string>>;
}) => Promise<'role-missing' | 'not-trusted' | { readonly denied: { readonly action: string } } | 'allowed'>;

/** A use of a key that a cloud service makes of its own accord. */
export interface KeyUse {
  readonly account: string;
  readonly region: string;
  readonly service: string;
  /** The role that allows it; null for the service key. */
  readonly role: string | null;
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

/** Why a disk gets no key: `code` of a SystemError. Each ECS operation has its own API code for them (facts.md 2.3). */
export type DiskKeyRefusal =
  'KmsNotEnabled' | 'KMSUnauthorized' | 'CMKUnauthorized' | 'KeyNotFound' | 'NotSymmetric' | 'CMKNotEnabled';

const REFUSAL_KIND = {
  KmsNotEnabled: 'denied',
  KMSUnauthorized: 'denied',
  CMKUnauthorized: 'denied',
  KeyNotFound: 'not-found',
  NotSymmetric: 'invalid',
  CMKNotEnabled: 'denied',
} as const satisfies Record<DiskKeyRefusal, SystemError['kind']>;

export function diskKeyRefusalOf(error: unknown): DiskKeyRefusal | undefined {
  return error instanceof SystemError && Object.hasOwn(REFUSAL_KIND, error.code)
    ? (error.code as DiskKeyRefusal)
    : undefined;
}

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

  constructor(parts: DiskKeyParts) {
    this.#parts = parts;
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
    const resource = keyArn(scope, keyId);
    const verdict = await this.#parts.evaluateServiceRole({
      accountId: scope.accountId,
      roleName: DISK_ROLE,
      service: DISK_SERVICE,
      accesses: actions.map((action) => ({ action, resource })),
      context: await this.#conditionContext(scope, keyId),
    });
    if (verdict === 'allowed') return;
    const why =
      verdict === 'role-missing'
        ? 'does not exist; create it with the policy AliyunECSDiskEncryptRolePolicy'
        : verdict === 'not-trusted'
          ? `does not trust ${DISK_SERVICE}`
          : `does not allow ${verdict.denied.action} on the key`;
    throw refusal(code, `The role ${DISK_ROLE} ${why}.`);
  }

  /** Without it a conditional Deny would never apply. A key that does not exist has no tags. Source: facts.md 6.4. */
  async #conditionContext(scope: Scope, keyId: string): Promise<Readonly<Record<string, string>>> {
    const { clock, keys } = this.#parts;
    const context: Record<string, string> = { 'acs:CurrentTime': isoSeconds(clock.nowMs()) };
    try {
      const { tags } = await keys.find(scope, keyId, { alias: 'refused' });
      for (const tag of tags) context[`kms:tag/${tag.key}`] = tag.value;
    } catch (error) {
      if (!isKind(error, 'not-found') && !isKind(error, 'invalid')) throw error;
    }
    return context;
  }
}

/** Binds the wrapped key to the disk, its suite, and the fact that it is encrypted. Source: decisions.md C12 and H. */
function contextOf(diskId: string, suite: Suite): EncryptionContext {
  return { 'acs:ecs:disk-id': diskId, 'sealdisk:encrypted': 'true', 'sealdisk:suite': suite };
}

const plainContextOf = (diskId: string, suite: Suite): string => `plain-disk:${diskId}:${suite}`;

function diskSuiteOf(key: Key): Suite {
  const { diskSuite } = KEY_SPECS[key.keySpec];
  if (diskSuite === undefined)
    throw refusal('NotSymmetric', `Key ${key.keyId} is ${key.keySpec}; disks take Aliyun_AES_256 and Aliyun_SM4.`);
  return diskSuite;
}

function requireEnabled(key: Key): void {
  if (key.keyState !== 'Enabled')
    throw refusal('CMKNotEnabled', `Key ${key.keyId} is ${key.keyState}; enable it first.`);
}

function isTagged(key: Key): boolean {
  return key.tags.some((tag) => tag.key === DISK_TAG.key && tag.value === DISK_TAG.value);
}

/** The state and existence of a key may change between our checks and its use. */
async function translated<T>(use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    const code = kmsRefusalOf(error);
    if (code === 'KEY_NOT_FOUND') throw notFound(error);
    if (code === 'CIPHERTEXT_REFUSED') throw damaged(undefined, error);
    if (code === 'KEY_DISABLED' || code === 'KEY_PENDING_DELETION' || code === 'KEY_PENDING_IMPORT')
      throw refusal('CMKNotEnabled', 'The key is not enabled; enable it first.', error);
    throw error;
  }
}

function refusal(code: DiskKeyRefusal, message: string, cause?: unknown): SystemError {
  return new SystemError(REFUSAL_KIND[code], code, message, { cause });
}

function notFound(cause?: unknown): SystemError {
  return refusal('KeyNotFound', 'The account has no such key in this region.', cause);
}

function damaged(diskId: string | undefined, cause?: unknown): SystemError {
  const whose = diskId === undefined ? 'a disk' : `disk ${diskId}`;
  return new SystemError('corrupt', 'DATA_KEY_DAMAGED', `The wrapped data key of ${whose} does not open.`, { cause });
}
