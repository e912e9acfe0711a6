import path from 'node:path';

import { runtimeDirectory } from '../base/system-runtime-directory.ts';

/** Where the control plane and the disk server of a data directory meet. */
export function diskServerSocket(dataDirectory: string): string {
  return path.join(runtimeDirectory(dataDirectory), 'disk-server.sock');
}
