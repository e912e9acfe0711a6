import { ApiError } from '../../api/errors.ts';
import { isKind } from '../../base/errors.ts';
import type { Random } from '../../base/random.ts';
import { wiped } from '../ecs/stored-data-key.ts';
import type { DataKeys } from '../ecs/stored-data-key.ts';
import { PASSPHRASE_SIZE_BYTES_MIN } from '../../kms/passphrase-keys.ts';
import type { PassphraseKeys } from '../../kms/passphrase-keys.ts';
import type { Scope } from '../../kms/scope.ts';
import type { StoredStreamKey } from '../../metadata/transfers.ts';
import { keyError } from '../ecs/key-errors.ts';
import type { WrappedStreamKey } from '../../stream/key-section.ts';
import { STREAM_ID_BYTES } from '../../stream/stream-header.ts';

type Suite = 'aes-256-gcm' | 'sm4-gcm';

interface Parts {
  readonly dataKeys: DataKeys;
  readonly passphrases: PassphraseKeys;
  readonly random: Random;
}

/** A stream's key without the key. */
export interface StreamKeyFacts {
  readonly streamId: Uint8Array;
  readonly suite: Suite;
  readonly key: WrappedStreamKey;
}

/**
 * Makes the key of a new stream. Wrapped by KMS it follows the rules of a disk's data key: role, state and spec of the key.
 * @param request.suite what a stream under a passphrase is sealed with.
 * @throws {ApiError} the key errors of CreateDisk; InvalidParameter.Passphrase.
 */
export async function makeStreamKey(
  { dataKeys, passphrases, random }: Parts,
  request: Scope & {
    readonly keyId: string | undefined;
    readonly passphrase: string | undefined;
    readonly suite: Suite;
  },
): Promise<StreamKeyFacts & { readonly streamKey: Uint8Array } & Disposable> {
  const streamId = random.bytes(STREAM_ID_BYTES);
  if (request.passphrase === undefined) {
    try {
      const made = await dataKeys.generate({ ...request, diskId: nameOf(streamId), keyId: request.keyId });
      const key = { by: 'kms' as const, kmsKeyId: made.kmsKeyId, blob: made.wrapped };
      return disposable({ streamId, suite: made.suite, key }, made.plaintext);
    } catch (error) {
      throw keyError(error, 'CreateDisk');
    }
  }
  const passphrase = checkedPassphrase(request.passphrase);
  const streamKey = random.bytes(32);
  try {
    const wrapped = await passphrases.seal(passphrase, contextOf(streamId, request.suite), streamKey);
    return disposable({ streamId, suite: request.suite, key: { by: 'passphrase', ...wrapped } }, streamKey);
  } finally {
    passphrase.fill(0);
  }
}

/** @throws {ApiError} the key errors of CreateDisk; InvalidParameter.Passphrase, MissingParameter. */
export async function openStreamKey(
  { dataKeys, passphrases }: Omit<Parts, 'random'>,
  scope: Scope,
  { streamId, suite, key }: StreamKeyFacts,
  passphrase: string | undefined,
): Promise<{ readonly streamKey: Uint8Array } & Disposable> {
  if (key.by === 'kms') {
    try {
      const { accountId, regionId } = scope;
      const wrapped = { kmsKeyId: key.kmsKeyId, diskId: nameOf(streamId), suite, wrapped: key.blob };
      return disposable({}, await dataKeys.open({ accountId, regionId, ...wrapped }));
    } catch (error) {
      throw isKind(error, 'corrupt')
        ? wrongKey('The key of the stream does not open under its KMS key.')
        : keyError(error, 'CreateDisk');
    }
  }
  if (passphrase === undefined)
    throw new ApiError('MissingParameter', 400, 'The stream was made with a passphrase; give it as Passphrase.');
  const bytes = checkedPassphrase(passphrase);
  try {
    return disposable({}, await passphrases.open(bytes, contextOf(streamId, suite), key));
  } catch (error) {
    throw isKind(error, 'corrupt') ? wrongKey('The passphrase does not open the stream.') : error;
  } finally {
    bytes.fill(0);
  }
}

export function storedKey(key: WrappedStreamKey): StoredStreamKey {
  return key.by === 'kms'
    ? { by: 'kms', kmsKeyId: key.kmsKeyId, blob: key.blob.toHex() }
    : { by: 'passphrase', cost: key.cost, salt: key.salt.toHex(), sealed: key.sealed.toHex() };
}

export function keyOfStored(key: StoredStreamKey): WrappedStreamKey {
  return key.by === 'kms'
    ? { by: 'kms', kmsKeyId: key.kmsKeyId, blob: Uint8Array.fromHex(key.blob) }
    : { ...key, salt: Uint8Array.fromHex(key.salt), sealed: Uint8Array.fromHex(key.sealed) };
}

/** A stream takes the place of a disk in the context that its key is bound to. */
function nameOf(streamId: Uint8Array): string {
  return `stream-${streamId.toHex()}`;
}

function contextOf(streamId: Uint8Array, suite: Suite): string {
  return `stream:${streamId.toHex()}:${suite}`;
}

function checkedPassphrase(passphrase: string): Uint8Array {
  const bytes = Buffer.from(passphrase, 'utf8');
  if (bytes.length < PASSPHRASE_SIZE_BYTES_MIN || bytes.length > 1024)
    throw new ApiError(
      'InvalidParameter.Passphrase',
      400,
      `Passphrase must have ${PASSPHRASE_SIZE_BYTES_MIN} to 1024 bytes.`,
    );
  return bytes;
}

function wrongKey(message: string): ApiError {
  return new ApiError('InvalidStream.WrongKey', 403, message);
}

function disposable<T extends object>(facts: T, streamKey: Uint8Array) {
  const { [Symbol.dispose]: dispose } = wiped({ suite: 'aes-256-gcm', key: streamKey });
  return { ...facts, streamKey, [Symbol.dispose]: dispose };
}
