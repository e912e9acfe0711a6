import { randomId, type Random } from '../../base/random.ts';
import type { DiskExport } from '../../metadata/exports.ts';
import type { Sealer } from '../../metadata/sealer.ts';
import { mintId } from '../ecs/resource-ids.ts';
import type { Region } from '../ecs/regions.ts';

/** 256 bits, so that the TLS-PSK handshake is the only way in (decisions.md H, "TLS-PSK"). */
export const PSK_SIZE_BYTES = 32;

/** Under which name and secret clients reach an export. Every part is new for each export and `[A-Za-z0-9._-]`. */
export type ExportIdentity = Pick<DiskExport, 'exportId' | 'name' | 'pskIdentity' | 'pskSealed'>;

/** The export's name on the wire is its id; the PSK identity tells nothing about disk or account. */
export function mintIdentity(random: Random, sealer: Sealer, region: Region): ExportIdentity {
  const exportId = mintId(random, 'e', region);
  const psk = random.bytes(PSK_SIZE_BYTES);
  const pskSealed = sealer.seal(sealContext(exportId), psk);
  psk.fill(0);
  return { exportId, name: exportId, pskIdentity: `psk-${randomId(random, 20)}`, pskSealed };
}

/**
 * The secret of an export; the caller wipes it.
 * @throws {SystemError} kind `corrupt`.
 */
export function openPsk(sealer: Sealer, { exportId, pskSealed }: ExportIdentity): Uint8Array {
  return sealer.open(sealContext(exportId), pskSealed);
}

function sealContext(exportId: string): string {
  return `psk:${exportId}`;
}
