/** From a held data directory to an open one, however long its root key takes to come. A part of main.ts. */
import type { AdminServer } from './admin/admin-server.ts';
import type { ServerStatus } from './admin/admin-protocol.ts';
import type { Clock } from './base/clock.ts';
import { messageOf, isKind, type SystemError } from './base/errors.ts';
import type { Logger } from './base/log.ts';
import { Mutex } from './base/mutex.ts';
import type { Random } from './base/random.ts';
import { VERSION } from './base/version.ts';
import { formatAddress } from './config.ts';
import type { Address, Config } from './config.ts';
import { openHeldDirectory } from './data-directory.ts';
import type { HeldDirectory, OpenDataDirectory } from './data-directory.ts';
import { staysSealed } from './root/root-of-trust.ts';
import { SealedDoor } from './rpc/sealed-door.ts';

/** What may pass by itself is tried again after this time, then after twice as long, up to the second one. */
const RETRY_MS = 2_000;
const RETRY_MS_MAX = 60_000;

export interface SealedStartParts {
  readonly config: Config;
  readonly held: HeldDirectory;
  readonly admin: AdminServer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Aborted when the program is asked to stop. */
  readonly stop: AbortSignal;
  /** Told once, when the server has to wait. */
  readonly onSealed: (reason: string, api: string) => void;
  /** Names an address that cannot be listened on. */
  readonly listenError: (error: unknown, address: string) => Error;
}

export interface Opened {
  readonly directory: OpenDataDirectory;
  /** What was listened on while it was sealed. */
  readonly listen: Address;
  /** Still answers that the server is sealed, until the front door takes over; disposed by the receiver. */
  readonly door: SealedDoor | undefined;
}

/**
 * Opens the data directory. While its root key does not come (no passphrase, no token, no answer of the other KMS), the
 * API says so on its address, `unseal` is offered on the admin socket, and what may pass by itself is tried again.
 * Undefined: the program was asked to stop first.
 * @throws {SystemError} what waiting would not mend.
 */
export async function openWhenUnsealed(parts: SealedStartParts): Promise<Opened | undefined> {
  const { config, held } = parts;
  try {
    return { directory: await openHeldDirectory(held, config.root), listen: config.listen, door: undefined };
  } catch (error) {
    if (!staysSealed(error)) throw error;
    return waitSealed(parts, error);
  }
}

async function waitSealed(parts: SealedStartParts, first: SystemError): Promise<Opened | undefined> {
  const { config, held, admin, clock, random, log, stop } = parts;
  await using stack = new AsyncDisposableStack();
  const door = stack.use(new SealedDoor(random));
  const listen = await door.listen(config.listen).catch((error: unknown) => {
    throw parts.listenError(error, formatAddress(config.listen));
  });
  let reason: SystemError = first;
  const { promise: opened, resolve, reject } = Promise.withResolvers<OpenDataDirectory | undefined>();
  const turn = new Mutex();
  let isOver = false;
  const attempt = (passphrase?: Uint8Array): Promise<void> =>
    turn.run(async () => {
      if (isOver) return;
      try {
        const directory = await openHeldDirectory(held, config.root, passphrase);
        if (stop.aborted) await directory[Symbol.asyncDispose]();
        isOver = true;
        resolve(directory);
      } catch (error) {
        if (staysSealed(error)) reason = error;
        log.warn({ reason: messageOf(error) }, 'still sealed');
        throw error;
      }
    });
  const status = async (): Promise<ServerStatus> => ({
    version: VERSION,
    pid: process.pid,
    dataDirectory: config.dataDirectory,
    api: formatAddress(listen),
    nbd: formatAddress(config.nbdListen),
    defaultRegion: config.defaultRegion,
    exports: 0,
    sealed: { code: reason.code, reason: reason.message },
  });
  admin.offer('sealed', {
    status,
    unseal: async (_input, passphrase) => {
      await attempt(passphrase);
      return { provider: (await opened)?.trust.provider ?? '' };
    },
  });
  parts.onSealed(first.message, formatAddress(listen));
  void keepTrying(clock, stop, () => (isOver ? undefined : reason), attempt).catch(reject);
  stop.addEventListener('abort', () => {
    isOver = true;
    resolve(undefined);
  });
  const directory = await opened;
  if (directory === undefined) return undefined;
  stack.move();
  return { directory, listen, door };
}

/** A wrong PIN or passphrase is not tried again: tokens lock themselves after a few. */
async function keepTrying(
  clock: Clock,
  stop: AbortSignal,
  reason: () => SystemError | undefined,
  attempt: () => Promise<void>,
): Promise<void> {
  for (let waitMs = RETRY_MS; ; waitMs = Math.min(2 * waitMs, RETRY_MS_MAX)) {
    await clock.sleep(waitMs, stop).catch(() => undefined);
    const why = reason();
    if (stop.aborted || why === undefined) return;
    if (!isKind(why, 'unavailable')) continue;
    await attempt().catch((error: unknown) => {
      if (!staysSealed(error)) throw error;
    });
  }
}
