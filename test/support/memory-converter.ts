import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { SystemError } from '../../src/base/errors.ts';
import type { ConvertedExport, ImageConverter } from '../../src/services/ecs/images/qemu-img.ts';
import type { MemoryDataPlane } from './memory-data-plane.ts';

/** Moves the one string of a disk in memory. A file of 20 GiB begins with `20 `; one that begins with `bad` is refused. */
export function memoryConverter(plane: MemoryDataPlane): ImageConverter {
  const exportIdOf = async ({ name }: ConvertedExport): Promise<string> =>
    (await plane.listExports()).find((info) => info.name === name)?.exportId ?? '';
  return {
    inspect: (file) => {
      const size = Number.parseInt(readFileSync(file, 'utf8'), 10);
      if (Number.isNaN(size))
        return Promise.reject(new SystemError('invalid', 'IMAGE_FILE_REFUSED', `${path.basename(file)} is bad.`));
      return Promise.resolve({ sizeBytes: size * 2 ** 30 });
    },
    read: (file, _format, { name }, { onProgress }) => {
      onProgress(50);
      plane.write(name, readFileSync(file, 'utf8'));
      return Promise.resolve();
    },
    write: async (source, file, format) => {
      writeFileSync(file, `${format}:${plane.served(await exportIdOf(source)) ?? 'nothing'}`);
    },
  };
}
