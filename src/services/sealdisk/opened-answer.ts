import { dataPlaneError } from '../ecs/data-plane-errors.ts';
import { keyError } from '../ecs/key-errors.ts';
import type { OpenedExport } from './export-opening.ts';
import type { ExportRow } from './export-rows.ts';
import { exportView } from './export-view.ts';

/**
 * The answer to who has opened an export, with its secret, which is told this once.
 * @param address where TCP clients connect, `host:port`.
 * @throws {ApiError} key errors are those of AttachDisk (decisions.md H, "Exports and disk states").
 */
export async function openedAnswer<Row extends ExportRow>(opening: Promise<OpenedExport<Row>>, address: string) {
  let opened;
  try {
    opened = await opening;
  } catch (error) {
    throw dataPlaneError(keyError(error, 'AttachDisk'), { noSpace: { code: 'OperationDenied', httpStatus: 403 } });
  }
  const { row, info, psk } = opened;
  const { Status: _served, ...view } = exportView({ row, info, status: 'Serving' }, address);
  const answer = { ...view, Psk: psk.toHex(), ...(info.lost === undefined ? {} : { Lost: info.lost }) };
  psk.fill(0);
  return { row, answer };
}
