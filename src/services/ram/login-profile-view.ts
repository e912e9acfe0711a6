import { isoSeconds } from '../../base/clock.ts';
import { findLoginProfile } from '../../metadata/login-profiles.ts';
import type { LoginProfile } from '../../metadata/login-profiles.ts';
import type { Reader } from '../../metadata/reader.ts';
import { findUser } from '../../metadata/users.ts';
import type { User } from '../../metadata/users.ts';
import { checkedUserName } from './parameter-rules.ts';
import { missing, unknownUser } from './refusals.ts';

/** The user that a call names, with its login profile. @throws {ApiError} one of them does not exist. */
export async function requestedLoginProfile(
  reader: Reader,
  accountId: string,
  userName: string,
): Promise<{ readonly user: User; readonly profile: LoginProfile }> {
  const user = await findUser(reader, accountId, checkedUserName(userName));
  if (user === undefined) throw unknownUser(userName);
  const profile = await findLoginProfile(reader, user.userId);
  if (profile === undefined) {
    throw missing('User.LoginProfile', `The user ${userName} has no login profile; CreateLoginProfile makes one.`);
  }
  return { user, profile };
}

export function loginProfileView(user: User, profile: LoginProfile) {
  return {
    UserName: user.userName,
    PasswordResetRequired: profile.passwordResetRequired,
    MFABindRequired: profile.mfaBindRequired,
    CreateDate: isoSeconds(profile.createdMs),
  };
}
