import { missingParameter } from '../../api/decode.ts';
import { parseDurationS } from '../../base/duration.ts';
import { invalidParameter } from './errors.ts';

// Source: facts.md 2.6.
const DAY_S = 24 * 60 * 60;
const INTERVAL_DAYS_MIN = 7;
const INTERVAL_DAYS_MAX = 730;

/** Seconds between rotations; undefined: no rotation. An interval beside `false` has to be right and means nothing. @throws {ApiError} */
export function rotationParameters(enable: boolean | undefined, interval: string | undefined): number | undefined {
  const intervalS = interval === undefined ? undefined : parseDurationS(interval);
  const isFit =
    intervalS !== undefined && intervalS >= INTERVAL_DAYS_MIN * DAY_S && intervalS <= INTERVAL_DAYS_MAX * DAY_S;
  if (interval !== undefined && !isFit)
    throw invalidParameter(
      'RotationInterval',
      `${INTERVAL_DAYS_MIN} to ${INTERVAL_DAYS_MAX} days, as in 365d or 604800s (units: d, h, m, s)`,
    );
  if (enable !== true) return undefined;
  if (intervalS === undefined) throw missingParameter('RotationInterval');
  return intervalS;
}
