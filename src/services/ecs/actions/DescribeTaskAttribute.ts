import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { DescribeTaskAttributeInput, DescribeTaskAttributeOutput } from '../../../api/generated/ecs.ts';
import { isoSeconds } from '../../../base/clock.ts';
import { ecsAccess } from '../access.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { findImageTask } from '../images/image-tasks.ts';

/** How an import or export of an image stands, and why it failed. Source: SDK, DescribeTaskAttribute. */
export function DescribeTaskAttribute(
  deps: Pick<EcsDependencies, 'database'>,
): Action<DescribeTaskAttributeInput, DescribeTaskAttributeOutput> {
  return {
    product: 'ecs',
    name: 'DescribeTaskAttribute',
    access: ({ caller, regionId }) => [ecsAccess('ecs:DescribeTaskAttribute', caller, regionId, '*')],
    run: async ({ input: { TaskId: taskId }, caller: { accountId }, regionId }) => {
      const task = await findImageTask(deps.database.read, { accountId, regionId }, taskId);
      if (task === undefined)
        throw new ApiError('InvalidTaskId.NotFound', 400, `There is no task ${taskId} in this account and region.`);
      const { action, imageId, status, progress, failure, createdMs } = task;
      return {
        TaskId: taskId,
        RegionId: regionId,
        TaskAction: action,
        TaskStatus: status,
        TaskProcess: `${progress}%`,
        SupportCancel: 'false',
        CreationTime: isoSeconds(createdMs),
        FinishedTime: '',
        TotalCount: 1,
        SuccessCount: status === 'Finished' ? 1 : 0,
        FailedCount: status === 'Failed' ? 1 : 0,
        OperationProgressSet: {
          OperationProgress: [
            {
              OperationStatus: status,
              ErrorCode: failure?.code ?? '',
              ErrorMsg: failure?.message ?? '',
              RelatedItemSet: { RelatedItem: [{ Name: 'ImageId', Value: imageId }] },
            },
          ],
        },
      };
    },
  };
}
