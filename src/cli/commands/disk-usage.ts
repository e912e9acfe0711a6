import type { Output } from '../output.ts';
import { dataDirectoryOf } from '../server-location.ts';
import { callSealdisk } from '../signed-call.ts';

interface Usage {
  readonly AllocatedBytes: number;
  readonly ExclusiveBytes: number;
  readonly SharedBytes: number;
  readonly StoredBytes: number;
  readonly ExclusiveStoredBytes: number;
}

interface UsageAnswer extends Usage {
  readonly DiskId: string;
  readonly TotalStoredBytes: number;
  readonly Snapshots: { readonly Snapshot: readonly (Usage & { readonly SnapshotId: string })[] };
}

const COLUMNS = ['ALLOCATED', 'EXCLUSIVE', 'SHARED', 'STORED', 'FREED BY DELETION'] as const;

/** What a disk and its snapshots take, in bytes. */
export async function diskUsage(diskId: string, options: { readonly dataDir?: string }, output: Output): Promise<void> {
  const usage = await callSealdisk<UsageAnswer>(dataDirectoryOf(options), 'DescribeDiskUsage', { DiskId: diskId });
  const rows = [
    ['', ...COLUMNS],
    row(usage.DiskId, usage),
    ...usage.Snapshots.Snapshot.map((snapshot) => row(snapshot.SnapshotId, snapshot)),
  ];
  const widths = rows.reduce<number[]>((max, cells) => cells.map((cell, i) => Math.max(max[i] ?? 0, cell.length)), []);
  output.result(usage, [
    ...rows.map((cells) =>
      cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
    ),
    `stored in all: ${usage.TotalStoredBytes} bytes`,
  ]);
}

function row(name: string, usage: Usage): string[] {
  const { AllocatedBytes, ExclusiveBytes, SharedBytes, StoredBytes, ExclusiveStoredBytes } = usage;
  return [name, ...[AllocatedBytes, ExclusiveBytes, SharedBytes, StoredBytes, ExclusiveStoredBytes].map(String)];
}
