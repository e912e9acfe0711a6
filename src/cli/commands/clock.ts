import { callAdmin } from '../../admin/admin-client.ts';
import { parseDurationS } from '../../base/duration.ts';
import { SystemError } from '../../base/errors.ts';
import type { Output } from '../output.ts';
import { dataDirectoryOf } from '../server-location.ts';

/** Puts the clock of a running test server forward, and waits until everything that is due then is done. */
export async function advanceClock(
  duration: string,
  options: { readonly dataDir?: string },
  output: Output,
): Promise<void> {
  const seconds = parseDurationS(duration);
  if (seconds === undefined) {
    throw new SystemError(
      'invalid',
      'BAD_DURATION',
      `clock advance wants a number of days, hours, minutes or seconds such as 8d, 12h, 30m or 90s, not ${JSON.stringify(duration)}`,
    );
  }
  const clock = await callAdmin(dataDirectoryOf(options), 'advanceClock', { seconds });
  output.result(clock, [`it is ${clock.now} now, ${clock.ahead}`]);
}
