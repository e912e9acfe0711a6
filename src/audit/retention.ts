import type { AuditKey } from './audit-key.ts';
import { findChainFiles, HEADER_BYTES_MAX } from './chain-files.ts';
import { decodeLine, fieldsOf } from './chain.ts';
import type { AuditEvent, Point } from './events.ts';
import type { LogFiles } from './log-files.ts';

/**
 * Removes the oldest files, as far as the file after them began before `beforeMs`: everything in them is older. First the
 * log says, durably, up to which record it was pruned; then they go. Answers how many did.
 * @throws {SystemError} kind `unavailable`: nothing was removed.
 */
export async function pruneFiles(
  files: LogFiles,
  directory: string,
  key: AuditKey,
  beforeMs: number,
  commit: (event: AuditEvent) => Promise<void>,
): Promise<number> {
  const chain = findChainFiles(files, directory, key.macKey).files;
  const kept = chain.findLastIndex(({ path }) => {
    const header = headerOf(files, path, key);
    return header !== undefined && header.previous !== null && Date.parse(header.time) < beforeMs;
  });
  const through = kept <= 0 ? undefined : headerOf(files, chain[kept]?.path ?? '', key)?.previous;
  if (through === undefined || through === null) return 0;
  const old = chain.slice(0, kept);
  await commit({ kind: 'pruned', files: old.length, through });
  for (const { path } of old) files.remove(path);
  files.syncDirectory(directory);
  return old.length;
}

function headerOf(
  files: LogFiles,
  file: string,
  key: AuditKey,
): { readonly time: string; readonly previous: Point | null } | undefined {
  const bytes = files.read(file, 0, HEADER_BYTES_MAX) ?? new Uint8Array(0);
  const line = decodeLine(bytes.subarray(0, Math.max(0, bytes.indexOf(0x0a))), key.macKey);
  if (line?.isAuthentic !== true) return undefined;
  const { time, previous } = fieldsOf(line.content) as { time: string; previous: Point | null };
  return { time, previous };
}
