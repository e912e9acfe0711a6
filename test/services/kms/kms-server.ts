// The KMS operations behind the real front door and the real policies, for an account and whoever else signs.
import { callRpc } from '../../../src/api/rpc-client.ts';
import { isoSeconds } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/log.ts';
import { systemClock } from '../../../src/base/system-clock.ts';
import { systemRandom } from '../../../src/base/system-random.ts';
import { ClientTokens } from '../../../src/metadata/client-tokens.ts';
import { PolicyAuthorizer } from '../../../src/ram/authorizer.ts';
import { accountArn } from '../../../src/ram/arn.ts';
import type { Signer } from '../../../src/ram/principals.ts';
import { RpcServer } from '../../../src/rpc/server.ts';
import { kmsActions } from '../../../src/services/kms/registry.ts';
import { openTestKms, SCOPE } from '../../kms/open-test-kms.ts';
import type { TestKms } from '../../kms/open-test-kms.ts';
import { unrecorded } from '../../support/unrecorded.ts';

const SECRET = 'secret';
const OWNER: Signer = { accountId: SCOPE.accountId, arn: accountArn(SCOPE.accountId), principalType: 'Account' };

type Parameters = Readonly<Record<string, string | undefined>>;

export interface KmsServer extends AsyncDisposable {
  readonly kms: TestKms;
  /** One call, signed by the account unless somebody else is named; what is undefined is not sent. @throws {RpcRefusal} */
  call<Answer = unknown>(action: string, parameters?: Parameters, signer?: Signer): Promise<Answer>;
}

export async function openKmsServer(): Promise<KmsServer> {
  const kms = await openTestKms();
  const signers = new Map<string, Signer>();
  const server = new RpcServer({
    audit: unrecorded,
    registry: kmsActions(kms),
    credentials: {
      find: async (accessKeyId) => {
        const signer = signers.get(accessKeyId);
        if (signer === undefined) return undefined;
        const secret = new TextEncoder().encode(SECRET);
        return { secret, caller: { ...signer, accessKeyId }, regionId: SCOPE.regionId, active: true };
      },
    },
    authorizer: new PolicyAuthorizer(kms.database.read),
    clientTokens: new ClientTokens(kms.database),
    clock: kms.clock,
    signatureClock: systemClock,
    random: systemRandom,
    log: silentLogger,
    defaultRegion: SCOPE.regionId,
  });
  const { host, port } = await server.listen({ host: '127.0.0.1', port: 0 });
  return {
    kms,
    call: (action, parameters = {}, signer = OWNER) => {
      const accessKeyId = `LTAI${Buffer.from(signer.arn).toString('hex')}`;
      signers.set(accessKeyId, signer);
      const sent = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
      const date = isoSeconds(systemClock.nowMs());
      const endpoint = { address: `${host}:${port}`, accessKeyId, accessKeySecret: SECRET };
      return callRpc(endpoint, '2016-01-20', action, Object.fromEntries(sent), date);
    },
    [Symbol.asyncDispose]: async () => {
      await server.close(0);
      await kms[Symbol.asyncDispose]();
    },
  };
}
