import { SystemError } from '../../base/errors.ts';
import { WRAPPED_KEY_SIZE_BYTES_MAX } from '../format/head-format.ts';
import type { Reencryption } from '../format/head-format.ts';
import { OLDER_KEYS_MAX } from '../format/key-records.ts';
import type { DataKey } from '../keys/data-key.ts';
import type { DiskState } from '../state/disk-state.ts';

/** Another data key for a disk, and what its head says of it from then on. */
export interface Rotation {
  readonly dataKey: DataKey;
  readonly wrappedKey: Uint8Array;
  /** What the API calls the disk. */
  readonly encrypted: boolean;
  /** 0: as fast as the clients leave room for. */
  readonly bytesPerSecond: number;
}

/**
 * Commits another data key with one head, in the head's turn. Everything that was made before stays readable, since the
 * head carries the earlier keys; what is made from now on is made under the new one. When this fails, either key may be
 * the one that opens the disk the next time: the caller keeps both.
 * @throws {SystemError} kind `conflict`: too many earlier keys; the re-encryption that is running has to end first.
 */
export async function commitDataKey(
  state: DiskState,
  rotation: Rotation,
  work: Pick<Reencryption, 'segments' | 'slots'>,
): Promise<void> {
  const { env, keys, headFile } = state;
  const { dataKey, wrappedKey, encrypted, bytesPerSecond } = rotation;
  checkWrappedKey(wrappedKey);
  if (keys.olderCount >= OLDER_KEYS_MAX)
    throw new SystemError(
      'conflict',
      'REENCRYPTION_RUNNING',
      `the disk has had ${OLDER_KEYS_MAX} other data keys since everything was sealed anew; wait for that to end`,
    );
  const successor = keys.successor(dataKey);
  try {
    const { head, pin } = await headFile.write(
      {
        ...state.head,
        suite: dataKey.suite,
        wrappedKey,
        encrypted,
        olderKeys: successor.sealOlder(env.random),
        reencryption: { paused: false, bytesPerSecond, ...work, beganAtMs: env.clock.nowMs() },
      },
      successor,
    );
    keys.become(successor);
    state.head = head;
    state.pin = pin;
  } finally {
    successor[Symbol.dispose]();
  }
}

export function checkWrappedKey(wrappedKey: Uint8Array): void {
  if (wrappedKey.length > WRAPPED_KEY_SIZE_BYTES_MAX)
    throw new SystemError(
      'invalid',
      'BAD_WRAPPED_KEY',
      `a wrapped key has at most ${WRAPPED_KEY_SIZE_BYTES_MAX} bytes`,
    );
}
