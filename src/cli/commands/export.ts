import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { callSealdisk } from '../signed-call.ts';
import type { Output } from '../output.ts';
import { pskDirectory } from '../psk-file.ts';
import { dataDirectoryOf } from '../server-location.ts';

interface Exported {
  readonly ExportId: string;
  readonly DiskId: string;
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
  const directory = pskDirectory(dataDirectory, exported.ExportId);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const pskFile = path.join(directory, 'keys.psk');
  writeFileSync(pskFile, `${exported.PskIdentity}:${exported.Psk}\n`, { mode: 0o600 });
  output.result({ ...exported, pskFile }, [
    `${exported.ExportId}   disk ${exported.DiskId}${options.readOnly === true || options.salvage === true ? ' (read-only)' : ''}`,
    ...(exported.Lost === undefined ? [] : [`  lost: ${exported.Lost}`]),
    '',
    '  on this machine',
    `    nbdinfo '${exported.UnixUri}'`,
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
