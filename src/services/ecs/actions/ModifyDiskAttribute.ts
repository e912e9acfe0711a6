import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { ModifyDiskAttributeInput, ModifyDiskAttributeOutput } from '../../../api/generated/ecs.ts';
import { findDisk, updateDisk, type Disk } from '../../../metadata/disks.ts';
import type { Reader } from '../../../metadata/reader.ts';
import { ecsAccessToId } from '../access.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { nothingToModify, unknownDisk, unsupported } from '../refusals.ts';
import { checkedDescription, checkedName } from '../resource-text.ts';

/** Disks of one call. Source: SDK, ModifyDiskAttribute, DiskIds.N. */
const DISKS_MAX = 100;

type Changes = Partial<
  Pick<Disk, 'name' | 'description' | 'deleteAutoSnapshot' | 'deleteWithInstance' | 'enableAutoSnapshot'>
>;

/** Changes what people and instances are told about disks: of one, or of several at once, then of all or of none. */
export function ModifyDiskAttribute(
  deps: Pick<EcsDependencies, 'database'>,
): Action<ModifyDiskAttributeInput, ModifyDiskAttributeOutput> {
  return {
    product: 'ecs',
    name: 'ModifyDiskAttribute',
    access: ({ input, caller, regionId }) =>
      namedDisks(input).map((diskId) => ecsAccessToId('ecs:ModifyDiskAttribute', caller, regionId, 'disk', diskId)),
    run: async ({ input, caller }) => {
      const diskIds = checkedDiskIds(input);
      const changes = checkedChanges(input);
      await deps.database.transact(async (transaction) => {
        for (const diskId of diskIds) await refuseUnlessSettled(transaction, diskId, caller.accountId);
        for (const diskId of diskIds) await updateDisk(transaction, diskId, changes);
      });
      return {};
    },
  };
}

const namedDisks = ({ DiskId: one, DiskIds: several = [] }: ModifyDiskAttributeInput): readonly string[] => [
  ...new Set(one === undefined ? several : [one, ...several]),
];

function checkedDiskIds(input: ModifyDiskAttributeInput): readonly string[] {
  const diskIds = namedDisks(input);
  if (diskIds.length === 0) throw new ApiError('IncompleteParamter', 400, 'Give DiskId, or DiskIds.1 and so on.');
  if (input.DiskId !== undefined && input.DiskIds !== undefined)
    throw new ApiError('InvalidParameter', 400, 'DiskId and DiskIds exclude each other; give one of them.');
  if (diskIds.length > DISKS_MAX)
    throw new ApiError('InvalidParameter', 400, `DiskIds can hold at most ${DISKS_MAX} ids; use several calls.`);
  return diskIds;
}

/** An empty text is one that was not given (some clients send empty parameters), as in CreateDisk. */
function checkedChanges(input: ModifyDiskAttributeInput): Changes {
  if (input.BurstingEnabled === true) throw unsupported('BurstingEnabled', 'this server does not limit disks');
  const name = checkedName('DiskName', input.DiskName, { code: 'InvalidDiskName.Malformed', httpStatus: 400 });
  // 404 is this operation's documented status for it.
  const description = checkedDescription(input.Description, { code: 'InvalidDescription.Malformed', httpStatus: 404 });
  const { DeleteAutoSnapshot, DeleteWithInstance, EnableAutoSnapshot, BurstingEnabled } = input;
  const changes = {
    ...(name !== '' && { name }),
    ...(description !== '' && { description }),
    ...(DeleteAutoSnapshot !== undefined && { deleteAutoSnapshot: DeleteAutoSnapshot }),
    ...(DeleteWithInstance !== undefined && { deleteWithInstance: DeleteWithInstance }),
    ...(EnableAutoSnapshot !== undefined && { enableAutoSnapshot: EnableAutoSnapshot }),
  };
  if (Object.keys(changes).length === 0 && BurstingEnabled === undefined)
    throw nothingToModify('DiskName, Description, DeleteWithInstance, DeleteAutoSnapshot or EnableAutoSnapshot');
  return changes;
}

async function refuseUnlessSettled(reader: Reader, diskId: string, accountId: string): Promise<void> {
  const disk = await findDisk(reader, diskId);
  if (disk?.accountId !== accountId || disk.status === 'Deleting') throw unknownDisk(diskId);
  if (disk.status !== 'Available' && disk.status !== 'In_use')
    throw new ApiError('IncorrectDiskStatus', 403, `Disk ${diskId} is ${disk.status}; wait until it is Available.`);
}
