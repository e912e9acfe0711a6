/** How the commands that move disks reach the bytes of a transfer, and go on when something was restarted. */
import { existsSync } from 'node:fs';

import { isKind, SystemError } from '../base/errors.ts';
import { systemClock } from '../base/system-clock.ts';
import { NbdClient } from '../nbd/client.ts';

/** What StartSnapshotSend and StartReceive answer. */
export interface OpenedTransfer {
  readonly TransferId: string;
  readonly ExportName: string;
  readonly StreamBytes: number;
  readonly DurableBytes?: number;
  readonly Uri: string;
  readonly UnixUri: string;
  readonly PskIdentity: string;
  readonly Psk: string;
}

/** How long to try while nothing moves: a disk server is back within seconds. */
const PATIENCE_MS = 60_000;
const PAUSE_MS = 500;

/** Over the Unix socket when it is on this machine, else TLS. */
export function connectTo(opened: OpenedTransfer): Promise<NbdClient> {
  const socket = new URL(opened.UnixUri).searchParams.get('socket') ?? '';
  if (existsSync(socket)) return NbdClient.connect({ unixSocket: socket }, opened.ExportName);
  const { hostname, port } = new URL(opened.Uri.replace(/^nbds:/, 'http:'));
  const psk = Buffer.from(opened.Psk, 'hex');
  const address = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port), pskIdentity: opened.PskIdentity, psk };
  return NbdClient.connect(address, opened.ExportName);
}

/**
 * Runs `attempt` until it is through. What was lost because a server was restarted is tried again.
 * @param progress a number that grows while things move.
 */
export async function untilThrough<T>(progress: () => number, attempt: () => Promise<T>): Promise<T> {
  let [reached, sinceMs] = [progress(), systemClock.monotonicMs()];
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!isLost(error)) throw error;
      if (progress() !== reached) [reached, sinceMs] = [progress(), systemClock.monotonicMs()];
      if (systemClock.monotonicMs() - sinceMs > PATIENCE_MS) throw error;
      await systemClock.sleep(PAUSE_MS);
    }
  }
}

/** A connection or a server that went away; not a refusal. */
function isLost(error: unknown): boolean {
  return isKind(error, 'unavailable') || (error instanceof SystemError && error.code === 'NBD_REP_ERR_UNKNOWN');
}
