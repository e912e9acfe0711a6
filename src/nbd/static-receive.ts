import { Socket } from 'node:net';
import type { OnReadOpts, SocketConstructorOpts } from 'node:net';

import { KiB } from '../base/units.ts';

/** More than most turns bring: 60 writes of 4 KiB. */
const RECEIVE_BYTES = 256 * KiB;

/** Where what arrives goes. */
export interface Receiver {
  /** Where the next bytes are wanted; undefined: anywhere. */
  target(): Buffer | undefined;
  /** So many bytes arrived in what `target` answered last. */
  filled(bytes: number): void;
  /** @param bytes looked at during this call only: the next ones come to the same place. */
  receive(bytes: Buffer): void;
}

/**
 * One buffer into which all connections of a server receive, in the place of a fresh one for each read. That works
 * because what was received is consumed before the event loop reads again, from whichever connection.
 */
export class StaticReceive {
  readonly #buffer = Buffer.allocUnsafeSlow(RECEIVE_BYTES);

  /**
   * A socket in the place of `accepted`, which must not be used any more, that hands all bytes to `receiver`. Undefined
   * when this Node gives no access to the handle of an accepted socket: then it has to be read as a stream.
   */
  adopt(accepted: Socket, receiver: Receiver): Socket | undefined {
    // `onread` is documented for sockets that connect; the constructor takes it with a handle as well.
    const owner = accepted as unknown as { _handle: { useUserBuffer?: unknown } | null };
    const handle = owner._handle;
    if (typeof handle?.useUserBuffer !== 'function') return undefined;
    owner._handle = null;
    let target: Buffer | undefined;
    const onread: OnReadOpts = {
      buffer: () => {
        target = receiver.target();
        return target ?? this.#buffer;
      },
      callback: (bytes) => {
        if (target === undefined) receiver.receive(this.#buffer.subarray(0, bytes));
        else receiver.filled(bytes);
        return true;
      },
    };
    const options = { handle, onread, allowHalfOpen: true } as unknown as SocketConstructorOpts;
    return new Socket(options);
  }
}
