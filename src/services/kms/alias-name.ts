import { judgeAliasName } from '../../kms/aliases.ts';
import { invalidParameter } from './errors.ts';

/** The name of an alias that may exist, also one of a service key. @throws {ApiError} InvalidParameter. */
export function aliasNameParameter(name: string): string {
  if (judgeAliasName(name) === 'malformed')
    throw invalidParameter('AliasName', 'alias/ followed by 1 to 255 letters, digits, underscores, hyphens or slashes');
  return name;
}
