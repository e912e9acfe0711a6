import { isoSeconds } from '../../base/clock.ts';
import type { User } from '../../metadata/users.ts';

/** A user as it is when it was just made. */
export function newUserView(user: User) {
  return {
    UserId: user.userId,
    UserName: user.userName,
    DisplayName: user.displayName,
    MobilePhone: user.mobilePhone,
    Email: user.email,
    Comments: user.comments,
    CreateDate: isoSeconds(user.createdMs),
  };
}

export function userView(user: User) {
  return { ...newUserView(user), UpdateDate: isoSeconds(user.updatedMs) };
}
