import { isoSeconds } from '../../base/clock.ts';
import type { Group } from '../../metadata/groups.ts';

/** A group as it is when it was just made. */
export function newGroupView(group: Group) {
  return {
    GroupId: group.groupId,
    GroupName: group.groupName,
    Comments: group.comments,
    CreateDate: isoSeconds(group.createdMs),
  };
}

export function groupView(group: Group) {
  return { ...newGroupView(group), UpdateDate: isoSeconds(group.updatedMs) };
}
