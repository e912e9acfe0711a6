import type { FileSystem } from '../files/file-system.ts';
import { SEGMENT_HEADER_REGION_BYTES } from '../format/segment-format.ts';

/** Both copies of a segment's header as its file has them; zeroes behind the end of a file that is shorter. */
export async function readHeaderRegion(files: Pick<FileSystem, 'open'>, path: string): Promise<Uint8Array> {
  const region = new Uint8Array(SEGMENT_HEADER_REGION_BYTES);
  const file = await files.open(path, 'read');
  try {
    await file.read(region, 0);
  } finally {
    await file.close();
  }
  return region;
}
