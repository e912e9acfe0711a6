import { rmSync } from 'node:fs';

import { callSealdisk } from '../signed-call.ts';
import type { Output } from '../output.ts';
import { pskDirectory } from '../psk-file.ts';
import { dataDirectoryOf } from '../server-location.ts';

export async function unexportDisk(
  exportId: string,
  options: { readonly dataDir?: string; readonly force?: boolean },
  output: Output,
): Promise<void> {
  const dataDirectory = dataDirectoryOf(options);
  const answer = await callSealdisk<object>(dataDirectory, 'UnexportDisk', {
    ExportId: exportId,
    Force: String(options.force ?? false),
  });
  rmSync(pskDirectory(dataDirectory, exportId), { recursive: true, force: true });
  output.result({ ExportId: exportId, ...answer }, [`${exportId} is closed`]);
}
