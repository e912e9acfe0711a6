import type { EntityOf } from './columns.ts';
import { integer, json, nullable, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

/** An image that is written to files, or was: docs/guide/images.md. */
export const imageExports = new SealedTable(
  'imageExports',
  {
    taskId: text(),
    accountId: text(),
    regionId: text(),
    imageId: text(),
    bucket: text(),
    prefix: text(),
    format: text<'raw' | 'qcow2'>(),
    status: text<'Running' | 'Finished' | 'Failed'>(),
    /** 0 to 100. */
    progress: integer,
    failure: nullable(json<{ readonly code: string; readonly message: string }>()),
    createdMs: integer,
  },
  ['taskId'],
);

export type ImageExport = EntityOf<typeof imageExports.columns>;

/** Oldest first. */
export const listImageExports = (
  reader: Reader,
  equals: Partial<Pick<ImageExport, 'taskId' | 'imageId' | 'status' | 'accountId'>>,
): Promise<ImageExport[]> => imageExports.findAll(reader, equals, ['createdMs', 'taskId']);

export const insertImageExport = (transaction: Transaction, row: ImageExport): Promise<void> =>
  imageExports.insert(transaction, row);

export const updateImageExport = (
  transaction: Transaction,
  taskId: string,
  changes: Partial<Pick<ImageExport, 'status' | 'progress' | 'failure'>>,
): Promise<ImageExport> => imageExports.update(transaction, { taskId }, changes);
