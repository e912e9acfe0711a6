// A real RpcServer on a free port, with a few small actions that answer what they were given.
import type { Action, Call } from '../../src/api/action.ts';
import type { AuditedCall, CallOutcome } from '../../src/api/audited-call.ts';
import type {
  CreateDiskInput,
  CreateDiskOutput,
  CreateSnapshotInput,
  DescribeDisksInput,
} from '../../src/api/generated/ecs.ts';
import { ApiError } from '../../src/api/errors.ts';
import type { Clock } from '../../src/base/clock.ts';
import type { Logger } from '../../src/base/log.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { systemRandom } from '../../src/base/system-random.ts';
import { ClientTokens } from '../../src/metadata/client-tokens.ts';
import type { GuessLimits } from '../../src/rpc/guess-guard.ts';
import type { RpcServerOptions } from '../../src/rpc/server.ts';
import { RpcServer } from '../../src/rpc/server.ts';
import { openTestDatabase } from '../metadata/support.ts';
import type { SdkTarget } from '../support/sdk-clients.ts';

export const ACCOUNT = '1234567890123456';
export const SECRET = "v~'!()é *+&=%/中文";
const ARN = `acs:ram::${ACCOUNT}:root`;

/** Actions are methods of a registry of their own; `run` may be replaced by a test. */
export const action = <Input>(
  product: Action['product'],
  name: string,
  run: (call: Call<Input>) => object | Promise<object>,
): Action<Input> => ({
  product,
  name,
  access: (call) => [
    { action: `${product}:${name}`, resource: `acs:${product}:${call.regionId}:${call.caller.accountId}:*` },
  ],
  run: async (call) => run(call),
});

const seen = (call: Call<unknown>): string => JSON.stringify({ input: call.input, regionId: call.regionId });

export const ECHOES: readonly Action[] = [
  action<CreateDiskInput>('ecs', 'CreateDisk', (call): CreateDiskOutput => ({ DiskId: seen(call) })),
  action<CreateSnapshotInput>('ecs', 'CreateSnapshot', (call) => ({ SnapshotId: seen(call) })),
  action<DescribeDisksInput>('ecs', 'DescribeDisks', (call) => ({
    TotalCount: 1,
    Disks: { Disk: [{ DiskId: seen(call), Size: 20, Encrypted: true, DeleteAutoSnapshot: false }] },
  })),
  action('ecs', 'DescribeRegions', () => ({ Regions: { Region: [{ RegionId: 'cn-hangzhou' }] } })),
  action('kms', 'CreateKey', (call) => ({ KeyMetadata: { Description: seen(call) } })),
  action('kms', 'Encrypt', (call) => ({ CiphertextBlob: seen(call) })),
  action('kms', 'ListKeys', () => ({ TotalCount: 0 })),
  action('ram', 'CreateRole', (call) => ({ Role: { Description: seen(call) } })),
  action('ram', 'UpdateRole', (call) => ({ Role: { Description: seen(call) } })),
  action('sts', 'GetCallerIdentity', ({ caller }) => ({ AccountId: caller.accountId, Arn: caller.arn })),
  action('sealdisk', 'ExportDisk', (call) => ({ Uri: seen(call) })),
];

/** The system's clock, put forward or back by a test. */
export class ShiftedClock implements Clock {
  shiftMs = 0;
  nowMs(): number {
    return systemClock.nowMs() + this.shiftMs;
  }
  monotonicMs(): number {
    return systemClock.monotonicMs() + Math.max(0, this.shiftMs);
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal);
  }
  every(ms: number, tick: () => void): Disposable {
    return systemClock.every(ms, tick);
  }
}

/** Tests guess a lot. */
const ENDLESS_GUESSES: GuessLimits = { free: { burst: 1e6, perSecond: 1e6 }, delayMs: 1, waitingMax: 1 };

export interface LogLine {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export interface TestDoor extends AsyncDisposable {
  readonly server: RpcServer;
  readonly target: SdkTarget;
  readonly clock: ShiftedClock;
  readonly log: readonly LogLine[];
  /** What is denied, as `product:Action`. */
  readonly denied: Set<string>;
  /** What was put on record, in order. */
  readonly recorded: readonly Recorded[];
  /** Thrown instead of recording, by a test. */
  readonly unrecordable: { begin?: Error; end?: Error };
}

export type Recorded =
  | { readonly step: 'begin'; readonly call: AuditedCall }
  | { readonly step: 'end'; readonly call: AuditedCall; readonly outcome: CallOutcome; readonly hasBegun: boolean };

export async function openDoor(options: Partial<RpcServerOptions> = {}): Promise<TestDoor> {
  const opened = await openTestDatabase();
  const clock = new ShiftedClock();
  const lines: LogLine[] = [];
  const writer =
    (level: string) =>
    (fields: Readonly<Record<string, unknown>>, message: string): void => {
      lines.push({ level, fields, message });
    };
  const log: Logger = { debug: writer('debug'), info: writer('info'), warn: writer('warn'), error: writer('error') };
  const denied = new Set<string>();
  const recorded: Recorded[] = [];
  const unrecordable: TestDoor['unrecordable'] = {};
  const server = new RpcServer({
    registry: ECHOES,
    credentials: {
      find: async (accessKeyId) =>
        accessKeyId === 'testid' || accessKeyId === 'inactive'
          ? {
              // As bytes, fresh for every request, as the sealed store hands them out.
              secret: new TextEncoder().encode(SECRET),
              caller: { accountId: ACCOUNT, arn: ARN, principalType: 'Account', accessKeyId },
              regionId: 'cn-shanghai',
              active: accessKeyId === 'testid',
            }
          : undefined,
    },
    authorizer: {
      decide: async (_caller, access) => {
        const refused = access.find((one) => denied.has(one.action));
        return refused === undefined ? { allowed: true } : { allowed: false, denied: refused, reason: 'ImplicitDeny' };
      },
    },
    clientTokens: new ClientTokens(opened.database),
    audit: {
      during: (_requestId, body) => body(),
      begin: async (call) => {
        if (call.class !== 'read' && unrecordable.begin !== undefined) throw unrecordable.begin;
        if (call.class === 'mutation') recorded.push({ step: 'begin', call });
      },
      end: async (call, outcome, hasBegun) => {
        if (call.class !== 'read' && unrecordable.end !== undefined) throw unrecordable.end;
        recorded.push({ step: 'end', call, outcome, hasBegun });
      },
    },
    clock,
    random: systemRandom,
    log,
    defaultRegion: 'cn-hangzhou',
    ...options,
    limits: { guesses: ENDLESS_GUESSES, ...options.limits },
  });
  const { host, port } = await server.listen({ host: '127.0.0.1', port: 0 });
  return {
    server,
    clock,
    log: lines,
    denied,
    recorded,
    unrecordable,
    target: { host, port, accessKeyId: 'testid', accessKeySecret: SECRET, regionId: 'cn-beijing' },
    [Symbol.asyncDispose]: async () => {
      await server.close(0);
      await opened[Symbol.asyncDispose]();
    },
  };
}

/** An action that refuses, for tests of errors. */
export const refusing = (error: Error): Action =>
  action('ecs', 'DescribeRegions', () => {
    throw error;
  });

export const notFoundError = new ApiError('InvalidDiskId.NotFound', 404, 'There is no such disk.');
