import { systemLogFiles } from '../../audit/log-files.ts';
import { recordsOfRequest } from '../../audit/read-log.ts';
import { explain } from '../../audit/why-denied.ts';
import { SystemError } from '../../base/errors.ts';
import type { Output } from '../output.ts';
import { directoryOf } from './audit.ts';

/** Says from the audit log why a request was refused. */
export async function whyDenied(
  requestId: string,
  options: { readonly dataDir?: string },
  output: Output,
): Promise<void> {
  const records = await recordsOfRequest(systemLogFiles, directoryOf(options), requestId);
  const record = records.findLast(({ fields }) => fields['kind'] === 'call');
  if (record === undefined) {
    throw new SystemError(
      'not-found',
      'REQUEST_UNKNOWN',
      records.length === 0
        ? `the audit log has no request ${requestId}; many refused requests of unknown callers are only counted`
        : `the request ${requestId} was begun and never answered`,
    );
  }
  const explanation = explain(record.fields);
  const { time, principal, call, status, code, message, because, wouldAllow } = explanation;
  output.result(explanation, [
    `${time}  ${call} by ${principal ?? 'an unknown caller'}: ${status} ${code}`,
    ...(message === undefined ? [] : [`  ${message}`]),
    ...because.map((sentence) => `  ${sentence}`),
    ...(wouldAllow === undefined ? [] : [`  ${JSON.stringify(wouldAllow)}`]),
  ]);
}
