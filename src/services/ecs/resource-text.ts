import { ApiError } from '../../api/errors.ts';

/** Rules for the texts that people give to disks and snapshots. Source: facts.md section 9; CreateDisk, CreateSnapshot. */

/** 2 to 128 characters: a letter of any script, then letters, digits, colon, underscore, dot, hyphen. */
const NAME = /^\p{L}[\p{L}0-9:_.-]{1,127}$/u;
const DESCRIPTION_LENGTH_MAX = 256;
const LINK = /^https?:\/\//i;

/** What an operation answers to a text that breaks the rules; statuses differ among operations. */
export interface TextRefusal {
  readonly code: string;
  readonly httpStatus: number;
}

/** The name, or '' when none was given (some clients send empty parameters). */
export function checkedName(parameter: string, name: string | undefined, refusal: TextRefusal): string {
  if (name === undefined || name === '') return '';
  if (!NAME.test(name)) {
    throw new ApiError(
      refusal.code,
      refusal.httpStatus,
      `${parameter} must have 2 to 128 characters, begin with a letter, and hold only letters, digits, ':', '_', '.' and '-'.`,
    );
  }
  return name;
}

/** Names of snapshots taken by hand; those that begin with `auto` are kept for automatic ones (facts.md 4.4). */
export function checkedSnapshotName(name: string | undefined): string {
  const refusal: TextRefusal = { code: 'InvalidSnapshotName.Malformed', httpStatus: 400 };
  const checked = checkedName('SnapshotName', name, refusal);
  if (checked.startsWith('auto')) {
    throw new ApiError(
      refusal.code,
      refusal.httpStatus,
      "SnapshotName must not begin with 'auto': such names are kept for automatic snapshots.",
    );
  }
  return checked;
}

/** The description, or '' when none was given. */
export function checkedDescription(description: string | undefined, refusal: TextRefusal): string {
  if (description === undefined || description === '') return '';
  const length = Array.from(description).length;
  if (length < 2 || length > DESCRIPTION_LENGTH_MAX || LINK.test(description)) {
    throw new ApiError(
      refusal.code,
      refusal.httpStatus,
      'Description must have 2 to 256 characters and must not begin with http:// or https://.',
    );
  }
  return description;
}
