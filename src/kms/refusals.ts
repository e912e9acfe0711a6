import { SystemError } from '../base/errors.ts';
import { KEY_STATES } from './key-states.ts';
import type { KeyOperation, StateRefusal } from './key-states.ts';
import type { Key } from '../metadata/keys.ts';

/** Every `code` with which the key engine refuses a call. services/kms/errors.ts gives each its place in the API. */
export type KmsRefusal =
  | 'KMS_NOT_OPEN'
  | 'KMS_ALREADY_OPEN'
  /** Unknown, destroyed, or of another account or region: nothing tells which. */
  | 'KEY_NOT_FOUND'
  | 'KEY_VERSION_NOT_FOUND'
  | 'ALIAS_NOT_FOUND'
  /** An alias where only a key id or ARN is taken. */
  | 'ALIAS_UNSUPPORTED'
  | 'ALIAS_EXISTS'
  | 'SERVICE_KEY_FIXED'
  | 'KEY_SPEC_UNSUITABLE'
  /** Never possible with a key of this kind or origin. */
  | 'OPERATION_UNSUPPORTED'
  | 'LIMIT_EXCEEDED'
  /** The bytes are no ciphertext of this key, or the context differs: nothing tells which. */
  | 'CIPHERTEXT_REFUSED'
  /** The algorithm is none of the key's, or the key is for something else. */
  | 'ALGORITHM_UNSUITABLE'
  | 'PLAINTEXT_TOO_LONG'
  /** The bytes are no public key of the kind that was announced. */
  | 'PUBLIC_KEY_REFUSED'
  /** The key's material does not come from outside. */
  | 'ORIGIN_UNSUPPORTED'
  | 'IMPORT_TOKEN_REFUSED'
  | 'IMPORT_TOKEN_EXPIRED'
  /** It does not unwrap, has the wrong size, or is other than before: nothing tells which. */
  | 'MATERIAL_REFUSED'
  | 'EXPIRY_PAST'
  | StateRefusal;

const KIND = {
  KMS_NOT_OPEN: 'denied',
  KMS_ALREADY_OPEN: 'conflict',
  KEY_NOT_FOUND: 'not-found',
  KEY_VERSION_NOT_FOUND: 'not-found',
  ALIAS_NOT_FOUND: 'not-found',
  ALIAS_UNSUPPORTED: 'invalid',
  ALIAS_EXISTS: 'conflict',
  SERVICE_KEY_FIXED: 'denied',
  KEY_SPEC_UNSUITABLE: 'invalid',
  OPERATION_UNSUPPORTED: 'invalid',
  LIMIT_EXCEEDED: 'denied',
  CIPHERTEXT_REFUSED: 'invalid',
  ALGORITHM_UNSUITABLE: 'invalid',
  PLAINTEXT_TOO_LONG: 'invalid',
  PUBLIC_KEY_REFUSED: 'invalid',
  ORIGIN_UNSUPPORTED: 'invalid',
  IMPORT_TOKEN_REFUSED: 'invalid',
  IMPORT_TOKEN_EXPIRED: 'invalid',
  MATERIAL_REFUSED: 'invalid',
  EXPIRY_PAST: 'invalid',
  KEY_DISABLED: 'conflict',
  KEY_PENDING_DELETION: 'conflict',
  KEY_PENDING_IMPORT: 'conflict',
  KEY_STATE_CONFLICT: 'conflict',
} as const satisfies Record<KmsRefusal, SystemError['kind']>;

export function kmsRefusal(code: KmsRefusal, message: string, options?: ErrorOptions): SystemError {
  return new SystemError(KIND[code], code, message, options);
}

/** The code when `error` is a refusal of the key engine. */
export function kmsRefusalOf(error: unknown): KmsRefusal | undefined {
  return error instanceof SystemError && Object.hasOwn(KIND, error.code) ? (error.code as KmsRefusal) : undefined;
}

/** @throws {SystemError} a StateRefusal, when the key's state forbids `operation`. */
export function requireState(operation: KeyOperation, key: Key): void {
  const verdict = KEY_STATES[operation][key.keyState];
  if (verdict !== 'ok')
    throw kmsRefusal(verdict, `Key ${key.keyId} is ${key.keyState}, which does not allow ${operation}.`);
}

/** One sentence for every reason, so that a ciphertext cannot be tried out. */
export function ciphertextRefused(): Error {
  return kmsRefusal('CIPHERTEXT_REFUSED', 'The ciphertext does not open with what was given.');
}
