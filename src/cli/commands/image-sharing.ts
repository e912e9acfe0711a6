import { SystemError } from '../../base/errors.ts';
import type { Output } from '../output.ts';
import { dataDirectoryOf } from '../server-location.ts';
import { callEcs, callSealdisk } from '../signed-call.ts';

interface SharingAnswer {
  readonly ImageId: string;
  readonly RegionId: string;
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

const ACCOUNTS_MAX = 10;

/** Shares an image with accounts, or no longer, and shows what came of it. */
export async function changeSharing(
  imageId: string,
  change: { readonly add: readonly string[] } | { readonly remove: readonly string[] },
  options: { readonly dataDir?: string },
  output: Output,
): Promise<number> {
  const [list, accounts] = 'add' in change ? ['AddAccount', change.add] : ['RemoveAccount', change.remove];
  // The server would ignore those behind.
  if (accounts.length > ACCOUNTS_MAX)
    throw new SystemError('invalid', 'TOO_MANY_ACCOUNTS', `name at most ${ACCOUNTS_MAX} accounts at once`);
  const numbered = accounts.map((account, index) => [`${list}.${index + 1}`, account] as const);
  const dataDirectory = dataDirectoryOf(options);
  const { RegionId } = await describe(dataDirectory, imageId);
  await callEcs(dataDirectory, 'ModifyImageSharePermission', {
    ImageId: imageId,
    RegionId,
    ...Object.fromEntries(numbered),
  });
  return await imageSharing(imageId, options, output);
}

/** Whom an image is shared with, whether they can use it, and what would be better. Exit code 1: some receiver cannot. */
export async function imageSharing(
  imageId: string,
  options: { readonly dataDir?: string },
  output: Output,
): Promise<number> {
  const sharing = await describe(dataDirectoryOf(options), imageId);
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

const describe = (dataDirectory: string, imageId: string): Promise<SharingAnswer> =>
  callSealdisk<SharingAnswer>(dataDirectory, 'DescribeImageSharing', { ImageId: imageId });
