// The KMS operations behind the real front door, for an account that owns what it asks for.
import { callRpc } from '../../../src/api/rpc-client.ts';
import { isoSeconds } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/log.ts';
import { systemClock } from '../../../src/base/system-clock.ts';
import { systemRandom } from '../../../src/base/system-random.ts';
import { ClientTokens } from '../../../src/metadata/client-tokens.ts';
import { PolicyAuthorizer } from '../../../src/ram/authorizer.ts';
import { accountArn } from '../../../src/ram/arn.ts';
import { RpcServer } from '../../../src/rpc/server.ts';
import { kmsActions } from '../../../src/services/kms/registry.ts';
import { openTestKms, SCOPE } from '../../kms/open-test-kms.ts';
import type { TestKms } from '../../kms/open-test-kms.ts';
import { unrecorded } from '../../support/unrecorded.ts';

const ACCESS_KEY = { accessKeyId: 'LTAItest', accessKeySecret: 'secret' };

export interface KmsServer extends AsyncDisposable {
  readonly kms: TestKms;
  /** One signed call; what is undefined is not sent. @throws {RpcRefusal} */
  call(action: string, parameters?: Readonly<Record<string, string | undefined>>): Promise<unknown>;
}

export async function openKmsServer(): Promise<KmsServer> {
  const kms = await openTestKms();
  const server = new RpcServer({
    audit: unrecorded,
    registry: kmsActions(kms),
    credentials: {
      find: async (accessKeyId) =>
        accessKeyId === ACCESS_KEY.accessKeyId
          ? {
              secret: new TextEncoder().encode(ACCESS_KEY.accessKeySecret),
              caller: {
                accountId: SCOPE.accountId,
                arn: accountArn(SCOPE.accountId),
                principalType: 'Account',
                accessKeyId,
              },
              regionId: SCOPE.regionId,
              active: true,
            }
          : undefined,
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
  const endpoint = { address: `${host}:${port}`, ...ACCESS_KEY };
  return {
    kms,
    call: (action, parameters = {}) => {
      const sent = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
      const date = isoSeconds(systemClock.nowMs());
      return callRpc(endpoint, '2016-01-20', action, Object.fromEntries(sent), date);
    },
    [Symbol.asyncDispose]: async () => {
      await server.close(0);
      await kms[Symbol.asyncDispose]();
    },
  };
}
