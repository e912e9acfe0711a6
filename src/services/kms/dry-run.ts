import { ApiError } from '../../api/errors.ts';

/** The end of a successful dry run: always an error, so that nobody takes it for the operation. Source: decisions.md E12. */
export function dryRunPassed(): ApiError {
  return new ApiError(
    'DryRunOperationError',
    400,
    'The request would have succeeded; DryRun was set, so nothing was done.',
  );
}
