import type { ImageDevice } from '../../../metadata/images.ts';

/** An image that everybody may use, as the operations see it. */
export interface PublicImage {
  readonly imageId: string;
  readonly name: string;
  readonly version: string;
  readonly family: string;
  readonly description: string;
  readonly architecture: 'i386' | 'x86_64' | 'arm64';
  readonly osType: 'linux' | 'windows';
  readonly platform: string;
  readonly osName: string;
  readonly bootMode: string;
  readonly sizeGib: number;
  readonly devices: readonly ImageDevice[];
  readonly createdMs: number;
}

/** The public images of a region. */
export function publicImages(_regionId: string): readonly PublicImage[] {
  return [];
}
