import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';

import { ApiError } from '../../../api/errors.ts';

/** A bucket is a folder. Source: the vendor's rule for names of buckets. */
const BUCKET = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;
/** Of an object, between slashes: no hidden file, nothing that leads upwards, nothing that a program takes for an option. */
const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127}$/;
const SEGMENTS_MAX = 8;

/**
 * Files that images come from and go to: `<directory>/<account>/<bucket>/<object>`. An account reaches its own folder alone;
 * the operator puts files there and fetches them, and is the only one who does.
 */
export class ImageStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * The absolute path of a file that is there.
   * @throws {ApiError} InvalidOSSBucket.NotFound, InvalidOSSObject.Malformed, InvalidOSSObject.NotFound.
   */
  async find(accountId: string, bucket: string, object: string): Promise<string> {
    const folder = await this.bucket(accountId, bucket);
    const segments = object.split('/');
    if (segments.length > SEGMENTS_MAX || !segments.every((segment) => SEGMENT.test(segment)))
      throw new ApiError(
        'InvalidOSSObject.Malformed',
        400,
        "OSSObject names a file below its bucket, with letters, digits, '_', '.', '+' and '-' between slashes.",
      );
    const file = await realpath(path.join(folder, ...segments)).catch(() => undefined);
    // A link may lead within the bucket, and nowhere else.
    const isInside = file?.startsWith(`${folder}${path.sep}`) === true;
    if (file !== undefined && isInside && (await stat(file)).isFile()) return file;
    throw new ApiError('InvalidOSSObject.NotFound', 400, `Bucket ${bucket} has no file ${object}.`);
  }

  /** The absolute path of a bucket that is there. @throws {ApiError} InvalidOSSBucket.NotFound. */
  async bucket(accountId: string, bucket: string): Promise<string> {
    const root = await realpath(this.#directory).catch(() => undefined);
    const folder = BUCKET.test(bucket) && root !== undefined ? path.join(root, accountId, bucket) : undefined;
    if (folder !== undefined && (await realpath(folder).catch(() => undefined)) === folder) return folder;
    throw new ApiError(
      'InvalidOSSBucket.NotFound',
      400,
      `There is no bucket ${bucket}; the operator of this server makes one as the folder ${accountId}/${bucket} of its image store.`,
    );
  }
}

/** For a server whose operator has configured none. */
export function noImageStore(): ApiError {
  return new ApiError(
    'InvalidRegion.NotSupport',
    403,
    'This server has no store for image files; its operator sets SEALDISK_IMAGE_STORE to a directory.',
  );
}
