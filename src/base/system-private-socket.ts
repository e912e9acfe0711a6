import { rmSync } from 'node:fs';
import type { Server } from 'node:net';

/**
 * Listens on a Unix socket that only this user can reach, from its first moment on.
 * A socket file left by a process that is gone is replaced; the caller holds the lock that says so.
 */
export async function listenPrivately(server: Server, socketPath: string): Promise<void> {
  rmSync(socketPath, { force: true });
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(socketPath, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } finally {
    process.umask(before);
  }
}
