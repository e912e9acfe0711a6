import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { callSealdisk } from '../signed-call.ts';
import type { Output } from '../output.ts';
import { pskDirectory } from '../psk-file.ts';
import { dataDirectoryOf } from '../server-location.ts';

interface Exported {
  readonly ExportId: string;
  readonly DiskId: string;
  readonly SnapshotId?: string;
  readonly BaseSnapshotId?: string;
  readonly ExportName: string;
  readonly Uri: string;
  readonly UnixUri: string;
  readonly PskIdentity: string;
  readonly Psk: string;
  readonly Lost?: string;
}

export async function exportDisk(
  diskId: string,
  options: {
    readonly dataDir?: string;
    readonly readOnly?: boolean;
    readonly adopt?: boolean;
    readonly salvage?: boolean;
  },
  output: Output,
): Promise<void> {
  const dataDirectory = dataDirectoryOf(options);
  const exported = await callSealdisk<Exported>(dataDirectory, 'ExportDisk', {
    DiskId: diskId,
    ReadOnly: String(options.readOnly ?? false),
    Adopt: String(options.adopt ?? false),
    Salvage: String(options.salvage ?? false),
  });
  const readOnly = options.readOnly === true || options.salvage === true;
  tell(dataDirectory, exported, `disk ${exported.DiskId}${readOnly ? ' (read-only)' : ''}`, output);
}

/** A snapshot for reading; with `base`, what differs from that one is a bitmap under its id. */
export async function exportSnapshot(
  snapshotId: string,
  options: { readonly dataDir?: string; readonly base?: string },
  output: Output,
): Promise<void> {
  const dataDirectory = dataDirectoryOf(options);
  const exported = await callSealdisk<Exported>(dataDirectory, 'ExportSnapshot', {
    SnapshotId: snapshotId,
    ...(options.base === undefined ? {} : { BaseSnapshotId: options.base }),
  });
  tell(dataDirectory, exported, `snapshot ${snapshotId} of disk ${exported.DiskId} (read-only)`, output);
}

function tell(dataDirectory: string, exported: Exported, what: string, output: Output): void {
  const directory = pskDirectory(dataDirectory, exported.ExportId);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const pskFile = path.join(directory, 'keys.psk');
  writeFileSync(pskFile, `${exported.PskIdentity}:${exported.Psk}\n`, { mode: 0o600 });
  output.result({ ...exported, pskFile }, [
    `${exported.ExportId}   ${what}`,
    ...(exported.Lost === undefined ? [] : [`  lost: ${exported.Lost}`]),
    '',
    '  on this machine',
    `    nbdinfo '${exported.UnixUri}'`,
    ...(exported.BaseSnapshotId === undefined
      ? []
      : [`    nbdinfo --map=qemu:dirty-bitmap:${exported.BaseSnapshotId} '${exported.UnixUri}'`]),
    '  over the network, with TLS',
    `    nbdinfo '${exported.Uri}?tls-psk-file=${pskFile}'`,
    `    qemu-img info --object tls-creds-psk,id=tls0,endpoint=client,dir=${directory},username=${exported.PskIdentity} --image-opts ${qemuOptions(exported)}`,
    '',
    `  close it: sealdisk unexport ${exported.ExportId}`,
  ]);
}

function qemuOptions({ Uri, ExportName }: Exported): string {
  const { hostname, port } = new URL(Uri.replace(/^nbds:/, 'http:'));
  return `driver=nbd,host=${hostname},port=${port},export=${ExportName},tls-creds=tls0`;
}
