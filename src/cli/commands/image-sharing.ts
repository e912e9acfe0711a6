import type { Output } from '../output.ts';
import { dataDirectoryOf } from '../server-location.ts';
import { callSealdisk } from '../signed-call.ts';

interface SharingAnswer {
  readonly ImageId: string;
  readonly Encrypted: boolean;
  readonly KMSKeyId?: string;
  readonly Receivers: {
    readonly Receiver: readonly {
      readonly AccountId: string;
      readonly SharedTime: string;
      readonly Usable: boolean;
      readonly Reason: string;
    }[];
  };
  readonly Advices: { readonly Advice: readonly { readonly Code: string; readonly Message: string }[] };
}

/** Whom an image is shared with, whether they can use it, and what would be better. Exit code 1: some receiver cannot. */
export async function imageSharing(
  imageId: string,
  options: { readonly dataDir?: string; readonly region?: string },
  output: Output,
): Promise<number> {
  const sharing = await callSealdisk<SharingAnswer>(dataDirectoryOf(options), 'DescribeImageSharing', {
    ImageId: imageId,
    ...(options.region !== undefined && { RegionId: options.region }),
  });
  const receivers = sharing.Receivers.Receiver;
  output.result(sharing, [
    `${imageId}: ${sharing.KMSKeyId === undefined ? 'not encrypted' : `encrypted under KMS key ${sharing.KMSKeyId}`}`,
    ...(receivers.length === 0 ? ['shared with nobody'] : []),
    ...receivers.map(
      ({ AccountId, SharedTime, Usable, Reason }) =>
        `shared with ${AccountId} since ${SharedTime}: ${Usable ? 'usable' : `not usable. ${Reason}`}`,
    ),
    ...sharing.Advices.Advice.map(({ Message }) => `advice: ${Message}`),
  ]);
  return receivers.every(({ Usable }) => Usable) ? 0 : 1;
}
