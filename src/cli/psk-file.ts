import path from 'node:path';

import { runtimeDirectory } from '../base/system-runtime-directory.ts';

/** The folder of an export's `keys.psk`: QEMU wants the file under that name in a folder of its own. */
export function pskDirectory(dataDirectory: string, exportId: string): string {
  return path.join(runtimeDirectory(dataDirectory), 'psk', exportId.replaceAll(/[^A-Za-z0-9._-]/g, '_'));
}
