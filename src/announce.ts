/** What `sealdisk serve` prints when it serves, or cannot yet. A part of main.ts. */
import path from 'node:path';

import { VERSION } from './base/version.ts';
import type { Config } from './config.ts';
import type { NewAccessKey } from './ram/accounts.ts';
import type { ProviderKind } from './root/provider.ts';
import { describeAhead, type ServerClock } from './test-clock.ts';

/** @param firstAccount of a new data directory: its secret is shown this once. */
export function announce(
  config: Config,
  { api, nbd }: { readonly api: string; readonly nbd: string },
  provider: ProviderKind,
  firstAccount: NewAccessKey | undefined,
  { test }: ServerClock,
  tookMs: number,
): void {
  const lines = [
    `sealdisk ${VERSION}   data ${config.dataDirectory}`,
    '',
    `  API   http://${api}   ECS, KMS, RAM, STS`,
    `  NBD   ${nbd}   TLS`,
  ];
  if (test !== undefined) {
    lines.push(
      '',
      `  TEST CLOCK   ${describeAhead(test.clock.aheadMs)} of the real one, and it can be put forward: keys, tokens and snapshots`,
      '               end early. For tests only; this data directory will not start without --test-clock once it was moved.',
    );
  }
  if (firstAccount !== undefined) {
    lines.push(
      '',
      `  Account           ${firstAccount.accountId}`,
      `  AccessKey id      ${firstAccount.accessKeyId}`,
      `  AccessKey secret  ${firstAccount.accessKeySecret}`,
      `  shown this once, kept in ${path.join(config.dataDirectory, 'credentials.json')}`,
      ...(provider === 'file'
        ? ['', `  Back up ${path.join(config.dataDirectory, 'root.key')}: without it nothing here can be opened.`]
        : []),
      '',
      '  Next: eval "$(npx sealdisk env)", then use any Alibaba Cloud SDK or the aliyun CLI; or npx sealdisk demo',
    );
  }
  const asked = config.root.provider;
  if (asked !== undefined && asked !== provider)
    lines.push(
      '',
      `  NOTE   the root key of this data directory is kept by ${provider}, and not by ${asked} as configured.`,
      `         Move it with: sealdisk root-key move --to ${asked}`,
    );
  lines.push('', `ready in ${(tookMs / 1000).toFixed(2)} s`);
  process.stdout.write(`${lines.join('\n')}\n`);
}

export function announceSealed(config: Config, reason: string, api: string): void {
  const lines = [
    `sealdisk ${VERSION}   data ${config.dataDirectory}`,
    '',
    `  sealed: ${reason}`,
    `  http://${api} answers 503 until then`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
