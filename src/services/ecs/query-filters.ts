import { ApiError } from '../../api/errors.ts';

/** Parts that DescribeDisks and DescribeSnapshots share. Source: facts.md 3.5; error lists of both operations in apis.md. */

const IDS_MAX = 100;
/** `yyyy-MM-ddTHH:mmZ` or with seconds, UTC. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z$/;

export interface IdListRefusals {
  /** Not a JSON array of strings. */
  readonly malformed: { readonly code: string; readonly httpStatus: number };
  /** More than 100 ids. */
  readonly tooMany: { readonly code: string; readonly httpStatus: number };
}

/** `["d-…","d-…"]`. Absent or empty text is no filter; an empty array finds nothing. */
export function checkedIdList(
  parameter: string,
  json: string | undefined,
  refusals: IdListRefusals,
): readonly string[] | undefined {
  if (json === undefined || json === '') return undefined;
  const ids = parsedStrings(json);
  if (ids === undefined) {
    throw new ApiError(
      refusals.malformed.code,
      refusals.malformed.httpStatus,
      `${parameter} must be a JSON array of ids, such as ["x-1","x-2"].`,
    );
  }
  if (ids.length > IDS_MAX) {
    throw new ApiError(
      refusals.tooMany.code,
      refusals.tooMany.httpStatus,
      `${parameter} can hold at most ${IDS_MAX} ids; ask for them in several calls.`,
    );
  }
  return ids;
}

export interface CreationTimes {
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
}

/** `Filter.N.Key` of CreationStartTime or CreationEndTime with a UTC time as its value. Both ends are included. */
export function checkedCreationTimes(
  filters: readonly { readonly Key?: string; readonly Value?: string }[] | undefined,
): CreationTimes {
  let fromMs: number | undefined;
  let toMs: number | undefined;
  for (const { Key: key = '', Value: value = '' } of filters ?? []) {
    if (key !== 'CreationStartTime' && key !== 'CreationEndTime') {
      throw new ApiError('InvalidFilterKey.NotFound', 404, 'A filter key is CreationStartTime or CreationEndTime.');
    }
    const ms = TIME.test(value) ? Date.parse(value) : Number.NaN;
    if (Number.isNaN(ms)) {
      throw new ApiError('InvalidFilterValue', 404, 'A filter value is a UTC time such as 2026-11-23T08:00:00Z.');
    }
    if (key === 'CreationStartTime') fromMs = ms;
    else toMs = ms;
  }
  return { fromMs, toMs };
}

/** The value if it is one of `allowed`; undefined for an absent one, and for `everything`, which asks for no filter. */
export function checkedChoice(
  value: string | undefined,
  allowed: readonly string[],
  everything: string | undefined,
  refusal: { readonly code: string; readonly httpStatus: number; readonly parameter: string },
): string | undefined {
  if (value === undefined || value === '' || value === everything) return undefined;
  if (!allowed.includes(value)) {
    const choices = everything === undefined ? allowed : [...allowed, everything];
    throw new ApiError(refusal.code, refusal.httpStatus, `${refusal.parameter} must be one of ${choices.join(', ')}.`);
  }
  return value;
}

function parsedStrings(json: string): readonly string[] | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
  } catch {
    return undefined;
  }
}
