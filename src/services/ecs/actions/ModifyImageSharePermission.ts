import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { ModifyImageSharePermissionInput, ModifyImageSharePermissionOutput } from '../../../api/generated/ecs.ts';
import { findAccount } from '../../../metadata/accounts.ts';
import { deleteImageShare, insertImageShare, listImageShares } from '../../../metadata/image-shares.ts';
import type { Reader } from '../../../metadata/reader.ts';
import { ecsAccess } from '../access.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { missing, unknownRegion } from '../refusals.ts';
import { findRegion } from '../regions.ts';
import { ownImage, refuseForm, refuseReceivers, refuseStatus, snapshotsOfImage } from '../sharing/shareable-image.ts';

type Parts = Pick<EcsDependencies, 'database' | 'dataKeys' | 'clock' | 'log' | 'limits'>;

/** Of each list; what comes behind is ignored. Source: SDK, ModifyImageSharePermission. */
const ACCOUNTS_PER_CALL_MAX = 10;
/** Source: facts.md 5.13; decisions.md D10. */
const RECEIVERS_MAX = 50;

interface Changes {
  readonly add: readonly string[];
  /** These win over the same in `add`. */
  readonly remove: readonly string[];
}

/**
 * Shares an image with other accounts, or no longer. Sharing an encrypted one needs the sharing role, trusting each new
 * receiver and allowed to decrypt under the image's key; taking it back needs nothing. Source: facts.md 5.13.
 */
export function ModifyImageSharePermission(
  deps: Parts,
): Action<ModifyImageSharePermissionInput, ModifyImageSharePermissionOutput> {
  return {
    product: 'ecs',
    name: 'ModifyImageSharePermission',
    access: ({ input, caller, regionId }) => [
      ecsAccess('ecs:ModifyImageSharePermission', caller, regionId, `image/${input.ImageId}`),
    ],
    run: async ({ input, caller, regionId }) => {
      const changes = checkedChanges(input);
      if (findRegion(regionId) === undefined) throw unknownRegion(regionId);
      const { ImageId: imageId } = input;
      const scope = { accountId: caller.accountId, regionId };
      const fresh = await checkedReceivers(deps, scope, imageId, changes);
      await deps.database.transact(async (transaction) => {
        const image = await ownImage(transaction, scope, imageId);
        if (fresh.length > 0) refuseStatus(image);
        for (const accountId of changes.remove) await deleteImageShare(transaction, imageId, accountId);
        const shared = new Set((await listImageShares(transaction, imageId)).map(({ accountId }) => accountId));
        const sharedMs = deps.clock.nowMs();
        for (const accountId of fresh.filter((one) => !shared.has(one))) {
          await insertImageShare(transaction, { imageId, accountId, sharedMs });
          shared.add(accountId);
        }
        if (shared.size > RECEIVERS_MAX) throw tooMany(imageId);
        // Takes back what was done above.
        if (input.DryRun === true)
          throw new ApiError(
            'DryRunOperation',
            400,
            'The request is valid; without DryRun it would change who may use the image.',
          );
      });
      deps.log.info({ imageId, ...scope, ...changes }, 'an image is shared with other accounts');
      return {};
    },
  };
}

function checkedChanges(input: ModifyImageSharePermissionInput): Changes {
  const { AddAccount = [], RemoveAccount = [], IsPublic, LaunchPermission } = input;
  if (LaunchPermission !== undefined)
    throw new ApiError(
      'InvalidGroup.Malformed',
      400,
      'LaunchPermission is not available; name accounts in AddAccount.',
    );
  if (IsPublic === true)
    throw new ApiError('InvalidParameter.IsPublic', 403, 'There are no community images here; leave IsPublic out.');
  if (AddAccount.length === 0 && RemoveAccount.length === 0 && IsPublic === undefined)
    throw missing('AddAccount', 'give AddAccount or RemoveAccount');
  const remove = RemoveAccount.slice(0, ACCOUNTS_PER_CALL_MAX);
  const add = AddAccount.slice(0, ACCOUNTS_PER_CALL_MAX).filter((account) => !remove.includes(account));
  return { add: [...new Set(add)], remove };
}

/** Those of `add` that the image is not shared with yet, if it can be shared with them. */
async function checkedReceivers(
  { database, dataKeys, limits }: Parts,
  scope: { readonly accountId: string; readonly regionId: string },
  imageId: string,
  { add }: Changes,
): Promise<readonly string[]> {
  const image = await ownImage(database.read, scope, imageId);
  for (const accountId of add) await refuseAccount(database.read, accountId, scope.accountId);
  const shared = new Set((await listImageShares(database.read, imageId)).map(({ accountId }) => accountId));
  const fresh = add.filter((accountId) => !shared.has(accountId));
  if (fresh.length === 0) return fresh;
  refuseStatus(image);
  const snapshots = await snapshotsOfImage(database.read, image);
  refuseForm(image, snapshots, limits.sharingRegions);
  await refuseReceivers(dataKeys, snapshots, fresh);
  return fresh;
}

async function refuseAccount(reader: Reader, accountId: string, own: string): Promise<void> {
  if (accountId === own)
    throw new ApiError('InvalidAccount.Forbbiden', 404, 'An image cannot be shared with the account that owns it.');
  if ((await findAccount(reader, accountId)) === undefined)
    throw new ApiError('InvalidAccount.NotFound', 404, `There is no account ${accountId}; check its 16 digits.`);
}

function tooMany(imageId: string): ApiError {
  return new ApiError(
    'QuotaExceed.ShareImageUser',
    403,
    `Image ${imageId} can be shared with ${RECEIVERS_MAX} accounts; take it back from some first.`,
  );
}
