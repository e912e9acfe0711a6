/**
 * An error of the vendor's API surface: its documented `Code`, HTTP status, and one plain sentence that says what to do.
 * Thrown only by services and the front door. Source of codes: docs/protocols/rpc.md.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: string;
  readonly httpStatus: number;
  /** Added to the body of a 403 when a policy decided: who was refused what, and why. */
  readonly accessDeniedDetail: Readonly<Record<string, string>> | undefined;
  /** For refusals that pass: how long to wait before the same request has a chance. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: string,
    httpStatus: number,
    message: string,
    options?: ErrorOptions & {
      readonly accessDeniedDetail?: Readonly<Record<string, string>>;
      readonly retryAfterMs?: number;
    },
  ) {
    super(message, options);
    this.code = code;
    this.httpStatus = httpStatus;
    this.accessDeniedDetail = options?.accessDeniedDetail;
    this.retryAfterMs = options?.retryAfterMs;
  }
}
