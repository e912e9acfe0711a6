/** The products on the one port, told apart by version and action name. */
export type Product = 'ecs' | 'kms' | 'ram' | 'sts' | 'sealdisk';

/** Who signed the request. */
export interface Caller {
  /** The 16-digit account that owns what the call creates. */
  readonly accountId: string;
  /** `acs:ram::<account>:root` for the account itself. */
  readonly arn: string;
  readonly principalType: 'Account' | 'RAMUser' | 'AssumedRoleUser';
  readonly accessKeyId: string;
  readonly sourceIp: string;
  readonly secureTransport?: boolean;
  /** Of a RAM user. */
  readonly userId?: string;
  /** Of an AssumedRoleUser. */
  readonly session?: CallerSession;
  /** JSON of a policy that narrows what the session may do. */
  readonly sessionPolicy?: string;
}

/** The session of a role that a caller acts in. */
export interface CallerSession {
  readonly roleName: string;
  readonly roleId: string;
  readonly sessionName: string;
  /** ARN of who assumed the role. */
  readonly assumedBy: string;
  readonly issuedMs: number;
  readonly expiresMs: number;
  /** Empty: none. */
  readonly sourceIdentity: string;
}

/** One permission that an action needs before it runs: a RAM action on a resource. */
export interface Access {
  /** `ecs:CreateDisk`, `kms:Decrypt`, … */
  readonly action: string;
  /** `acs:ecs:cn-hangzhou:1234567890123456:disk/*` */
  readonly resource: string;
}

/** One authenticated, authorised and decoded call of an action. */
export interface Call<Input> {
  readonly input: Input;
  readonly caller: Caller;
  /** From `RegionId`, else the `Host` label, else the account's region, else the server's default. */
  readonly regionId: string;
  readonly requestId: string;
  /**
   * Set when the call carries a `ClientToken`: the name under which an action records its answer, in the transaction
   * that creates the resource, so that a crash cannot separate the two (src/rpc/ports.ts, ClientTokenStore).
   */
  readonly idempotencyKey?: string;
  /** Aborted when the client goes away or the server stops. */
  readonly signal: AbortSignal;
}

/**
 * An operation of the API: one file `services/<product>/actions/<Name>.ts` each, a test of the same name.
 * The front door decodes the wire parameters by the generated description before it calls these.
 */
export interface Action<Input = never, Output extends object = object> {
  readonly product: Product;
  readonly name: string;
  /**
   * What the caller must be allowed. Called before `run`; an empty list means that any authenticated caller may.
   * May look things up (an alias, the key of a ciphertext) to name the resource; never tells whether it exists.
   */
  access(call: Call<Input>): readonly Access[] | Promise<readonly Access[]>;
  /**
   * Does the work and answers the body without `RequestId`.
   * @throws {ApiError} the documented refusals.
   */
  run(call: Call<Input>): Promise<Output>;
}
