import type { Action } from '../../../api/action.ts';
import type {
  DescribeImageSharePermissionInput,
  DescribeImageSharePermissionOutput,
} from '../../../api/generated/ecs.ts';
import { isoSeconds } from '../../../base/clock.ts';
import type { Database } from '../../../metadata/database.ts';
import { listImageShares } from '../../../metadata/image-shares.ts';
import { ecsAccess } from '../access.ts';
import { checkedPage } from '../list-page.ts';
import { unknownRegion } from '../refusals.ts';
import { findRegion } from '../regions.ts';
import { ownImage } from '../sharing/shareable-image.ts';

/** Lists whom an image of the account is shared with, earliest first. */
export function DescribeImageSharePermission(deps: {
  readonly database: Database;
}): Action<DescribeImageSharePermissionInput, DescribeImageSharePermissionOutput> {
  return {
    product: 'ecs',
    name: 'DescribeImageSharePermission',
    access: ({ input, caller, regionId }) => [
      ecsAccess('ecs:DescribeImageSharePermission', caller, regionId, `image/${input.ImageId}`),
    ],
    run: async ({ input, caller, regionId }) => {
      const page = checkedPage(input, { scope: '', maxResults: () => undefined });
      if (findRegion(regionId) === undefined) throw unknownRegion(regionId);
      const { ImageId: imageId } = input;
      await ownImage(deps.database.read, { accountId: caller.accountId, regionId }, imageId);
      const shares = await listImageShares(deps.database.read, imageId);
      const offset = page.kind === 'offset' ? page.offset : 0;
      const shown = shares.slice(offset, offset + page.limit);
      return {
        ImageId: imageId,
        RegionId: regionId,
        Accounts: {
          Account: shown.map(({ accountId, sharedMs }) => ({ AliyunId: accountId, SharedTime: isoSeconds(sharedMs) })),
        },
        ShareGroups: { ShareGroup: [] },
        PageNumber: offset / page.limit + 1,
        PageSize: page.limit,
        TotalCount: shares.length,
      };
    },
  };
}
