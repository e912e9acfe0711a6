import { SystemError } from '../base/errors.ts';
import type { Suite } from '../crypto/aead.ts';
import type { Key } from '../metadata/keys.ts';
import type { EncryptionContext } from './encryption-context.ts';
import { KEY_SPECS } from './key-specs.ts';
import { kmsRefusalOf } from './refusals.ts';

export const DISK_KEY_SIZE_BYTES = 32;

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

export function refusal(code: DiskKeyRefusal, message: string, cause?: unknown): SystemError {
  return new SystemError(REFUSAL_KIND[code], code, message, { cause });
}

export function notFound(cause?: unknown): SystemError {
  return refusal('KeyNotFound', 'The account has no such key in this region.', cause);
}

export function damaged(diskId: string | undefined, cause?: unknown): SystemError {
  const whose = diskId === undefined ? 'a disk' : `disk ${diskId}`;
  return new SystemError('corrupt', 'DATA_KEY_DAMAGED', `The wrapped data key of ${whose} does not open.`, { cause });
}

/** The state and existence of a key may change between our checks and its use. */
export async function translated<T>(use: () => Promise<T>): Promise<T> {
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

/** Binds the wrapped key to the disk, its suite, and the fact that it is encrypted. Source: decisions.md C12 and H. */
export function contextOf(diskId: string, suite: Suite): EncryptionContext {
  return { 'acs:ecs:disk-id': diskId, 'sealdisk:encrypted': 'true', 'sealdisk:suite': suite };
}

/** @throws {SystemError} code `NotSymmetric`: disks are not encrypted under keys of its spec. */
export function diskSuiteOf(key: Key): Suite {
  const { diskSuite } = KEY_SPECS[key.keySpec];
  if (diskSuite === undefined)
    throw refusal('NotSymmetric', `Key ${key.keyId} is ${key.keySpec}; disks take Aliyun_AES_256 and Aliyun_SM4.`);
  return diskSuite;
}

/** @throws {SystemError} code `CMKNotEnabled`. */
export function requireEnabled(key: Key): void {
  if (key.keyState !== 'Enabled')
    throw refusal('CMKNotEnabled', `Key ${key.keyId} is ${key.keyState}; enable it first.`);
}
