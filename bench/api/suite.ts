/** `npm run bench -- api`: signed requests a second, beside a server that does nothing, in the same rounds. */
import type { Line, Verdict } from '../line.ts';
import { NoiseLog } from '../noise.ts';
import { median, medianRatio } from '../samples.ts';
import { shuffled } from '../shuffle.ts';
import { applyLoad, askOnce } from './load.ts';
import { presign } from './requests.ts';
import type { Operation, Signer } from './requests.ts';
import { startBareServer, Target } from './target.ts';
import type { BareAnswer } from './target.ts';

export interface ApiOptions {
  readonly folder: string;
  readonly rounds: number;
  /** Of one run. */
  readonly requests: number;
  readonly connections: number;
  readonly random: () => number;
  readonly say: (text: string) => void;
  readonly nodeFlags: readonly string[];
}

/** Requests before anything is measured, so that neither server is measured while it is compiled. */
const WARM_UP_REQUESTS = 3_000;
const STATEMENTS = 100;
const ROLES = 1_000;
/** More of one processor than this in the load generator, and it would measure itself. */
const OWN_PROCESSOR_MAX = 0.9;

interface Workload {
  readonly row: number;
  readonly name: string;
  readonly operation: Operation;
  readonly signer: Signer;
  /** Against the bare server, or against the workload of that row. */
  readonly against: 'bare' | number;
  readonly must: number;
  readonly aim?: number;
}

export async function measureApi(options: ApiOptions): Promise<Line[]> {
  const { rounds, requests, connections, random, say } = options;
  say('starting the server, and making keys, a user and roles');
  await using target = await Target.start(options.folder, options.nodeFlags);
  const workloads = await prepare(target, say);
  const answers: Record<string, BareAnswer> = {};
  for (const { operation, signer } of workloads) {
    const [request] = presign(target.address, signer, operation, 1);
    if (request !== undefined) answers[operation.action] ??= bareAnswer(await askOnce(target.port, request));
  }
  using bare = await startBareServer(answers);
  const ours = new Map<number, number[]>();
  const others = new Map<number, number[]>();
  const noise = new Map<number, NoiseLog>();
  let ownProcessor = 0;

  const run = async ({ operation, signer }: Workload, port: number, count: number): Promise<number> => {
    const load = await applyLoad(port, presign(target.address, signer, operation, count), connections);
    ownProcessor = Math.max(ownProcessor, load.ownProcessor);
    return load.requestsPerSecond;
  };
  say('warming up');
  for (const workload of workloads)
    for (const port of [target.port, bare.port]) await run(workload, port, Math.min(requests, WARM_UP_REQUESTS));
  ownProcessor = 0;
  for (let round = 0; round < rounds; round++) {
    for (const workload of shuffled(workloads, random)) {
      say(`round ${round + 1}, ${workload.name}`);
      const log = noise.get(workload.row) ?? new NoiseLog();
      noise.set(workload.row, log);
      for (const subject of shuffled(workload.against === 'bare' ? ['ours', 'bare'] : ['ours'], random)) {
        const [port, into] = subject === 'ours' ? [target.port, ours] : [bare.port, others];
        const value = await log.watch([target.pid, bare.pid], () => run(workload, port, requests));
        into.set(workload.row, [...(into.get(workload.row) ?? []), value]);
      }
    }
  }
  const flaws = ownProcessor > OWN_PROCESSOR_MAX ? ['the load generator was busy most of the time'] : [];
  return workloads.map((workload): Line => {
    const { row, name, against } = workload;
    const mine = ours.get(row) ?? [];
    const reference = (against === 'bare' ? others.get(row) : ours.get(against)) ?? [];
    const ratio = medianRatio(mine, [reference]);
    const goal = (level: Verdict['level'], factor: number): Verdict => ({
      level,
      goal: `${factor} x ${against === 'bare' ? 'bare' : `row ${against}`}`,
      measured: ratio,
      reached: ratio >= factor,
    });
    return {
      row,
      workload: name,
      unit: 'requests/s',
      ours: median(mine),
      others: { [against === 'bare' ? 'bare' : `row ${against}`]: median(reference) },
      verdicts: [goal('must', workload.must), ...(workload.aim === undefined ? [] : [goal('aim', workload.aim)])],
      flaws: [...(noise.get(row)?.flaws ?? []), ...flaws],
      notes: [],
    };
  });
}

/** With the same lines before the body, so that as many bytes go over the wire. */
function bareAnswer({ head, body }: { readonly head: string; readonly body: string }): BareAnswer {
  const lines = head.split('\r\n').slice(1);
  const fields = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  // node:http adds these by itself.
  const ownFields = fields.filter(([name]) => !/^(?:date|connection|keep-alive)$/i.test(name));
  return { head: ownFields, length: Buffer.byteLength(body) };
}

async function prepare(target: Target, say: (text: string) => void): Promise<readonly Workload[]> {
  const account = target.firstAccount;
  const mine = await keyAndBlob(target, account);
  const user = await userWithLongPolicy(target, account);
  say(`making ${ROLES} roles`);
  const crowded = await target.createAccount();
  const theirs = await keyAndBlob(target, crowded);
  await makeRoles(target, crowded);

  const describe = (KeyId: string): Operation => ({ product: 'kms', action: 'DescribeKey', parameters: { KeyId } });
  const generate = (KeyId: string): Operation => ({ product: 'kms', action: 'GenerateDataKey', parameters: { KeyId } });
  const decrypt: Operation = { product: 'kms', action: 'Decrypt', parameters: { CiphertextBlob: mine.blob } };
  const identity: Operation = { product: 'sts', action: 'GetCallerIdentity', parameters: {} };
  const read = { against: 'bare', must: 0.25, aim: 0.5 } as const;
  const use = { against: 'bare', must: 0.1, aim: 0.2 } as const;
  const same = (row: number) => ({ against: row, must: 0.8 });
  const many = `user with a policy of ${STATEMENTS} statements`;
  const crowd = `account with ${ROLES} roles`;
  return [
    { row: 1, name: 'GetCallerIdentity', operation: identity, signer: account, ...read },
    { row: 2, name: 'DescribeKey', operation: describe(mine.keyId), signer: account, ...read },
    { row: 3, name: 'GenerateDataKey, durable audit', operation: generate(mine.keyId), signer: account, ...use },
    { row: 4, name: 'Decrypt, durable audit', operation: decrypt, signer: account, ...use },
    { row: 5, name: `DescribeKey, ${many}`, operation: describe(mine.keyId), signer: user, ...same(2) },
    { row: 6, name: `GenerateDataKey, ${many}`, operation: generate(mine.keyId), signer: user, ...same(3) },
    { row: 7, name: `DescribeKey, ${crowd}`, operation: describe(theirs.keyId), signer: crowded, ...same(2) },
    { row: 8, name: `GenerateDataKey, ${crowd}`, operation: generate(theirs.keyId), signer: crowded, ...same(3) },
  ];
}

async function keyAndBlob(target: Target, signer: Signer): Promise<{ readonly keyId: string; readonly blob: string }> {
  await target.call(signer, 'kms', 'OpenKmsService');
  const { KeyMetadata } = await target.call<{ KeyMetadata: { KeyId: string } }>(signer, 'kms', 'CreateKey');
  const { CiphertextBlob } = await target.call<{ CiphertextBlob: string }>(signer, 'kms', 'GenerateDataKey', {
    KeyId: KeyMetadata.KeyId,
  });
  return { keyId: KeyMetadata.KeyId, blob: CiphertextBlob };
}

/** The statement that allows stands last, so that all of them are looked at. */
async function userWithLongPolicy(target: Target, account: Signer): Promise<Signer> {
  const others = Array.from({ length: STATEMENTS - 1 }, (_, i) => ({
    Effect: 'Allow',
    Action: `ecs:X${i}`,
    Resource: '*',
  }));
  const Statement = [...others, { Effect: 'Allow', Action: 'kms:*', Resource: '*' }];
  await target.call(account, 'ram', 'CreateUser', { UserName: 'bench' });
  await target.call(account, 'ram', 'CreatePolicy', {
    PolicyName: 'long',
    PolicyDocument: JSON.stringify({ Version: '1', Statement }),
  });
  await target.call(account, 'ram', 'AttachPolicyToUser', {
    PolicyType: 'Custom',
    PolicyName: 'long',
    UserName: 'bench',
  });
  const made = await target.call<{ AccessKey: { AccessKeyId: string; AccessKeySecret: string } }>(
    account,
    'ram',
    'CreateAccessKey',
    { UserName: 'bench' },
  );
  return { accessKeyId: made.AccessKey.AccessKeyId, accessKeySecret: made.AccessKey.AccessKeySecret };
}

async function makeRoles(target: Target, signer: Signer): Promise<void> {
  const trust = {
    Version: '1',
    Statement: [{ Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: ['ecs.aliyuncs.com'] } }],
  };
  const AssumeRolePolicyDocument = JSON.stringify(trust);
  for (let first = 0; first < ROLES; first += 20) {
    const names = Array.from({ length: 20 }, (_, i) => `role-${first + i}`);
    await Promise.all(
      names.map((RoleName) => target.call(signer, 'ram', 'CreateRole', { RoleName, AssumeRolePolicyDocument })),
    );
  }
}
