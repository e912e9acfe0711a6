import { isIPv6 } from 'node:net';
import path from 'node:path';

import { SystemError } from './base/errors.ts';
import type { CertificatePaths } from './nbd/certificate-files.ts';
import { DEFAULT_REQUEST_RATES } from './rpc/limit-rate.ts';
import type { RequestRates } from './rpc/limit-rate.ts';
import { rootSettings } from './root-settings.ts';
import type { RootSettings } from './root/providers.ts';
import { findRegion } from './services/ecs/regions.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Every setting of `sealdisk serve`, checked. */
export interface Config {
  /** Absolute. Default `./sealdisk-data`. */
  readonly dataDirectory: string;
  /** The API. Default 127.0.0.1:8686; loopback only, since it has no TLS yet. */
  readonly listen: Address;
  /** NBD over TLS. Default 127.0.0.1:10809. */
  readonly nbdListen: Address;
  /** PEM files for NBD clients with certificates; absolute paths. Default: pre-shared keys only. */
  readonly nbdCertificates: CertificatePaths | undefined;
  /** Where requests go that name no region. Default cn-hangzhou. */
  readonly defaultRegion: string;
  /** The first account's AccessKey on the first start; made at random when absent. */
  readonly presetAccessKey: { readonly id: string; readonly secret: string } | undefined;
  /** Who keeps the root key, and how to reach them. Default: the file `DIR/root.key`. */
  readonly root: RootSettings;
  /** How many requests a second one account may make. Default 2,000, and 1,000 of one operation; 0: no limit. */
  readonly requestRates: RequestRates;
  /** Leave the disk server serving when this program is asked to stop. */
  readonly keepExports: boolean;
  /** Let `sealdisk clock advance` put the date forward. For tests: only where nobody else can reach the server. */
  readonly testClock: boolean;
  /** Files that images come from and go to; absolute. Default: there are none. */
  readonly imageStore: string | undefined;
  /** Days after which files of the audit log are removed. Default: they are all kept. */
  readonly auditKeepDays: number | undefined;
}

/** What the command line gave; an environment variable fills what it did not. */
export interface ConfigInput {
  readonly dataDir?: string;
  readonly listen?: string;
  readonly nbdListen?: string;
  readonly nbdCertificate?: string;
  readonly nbdKey?: string;
  readonly nbdClientCa?: string;
  readonly keepExports?: boolean;
  readonly testClock?: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/;

/** @throws {SystemError} kind `invalid`: names the setting, what is wrong and what would be right. */
export function loadConfig(input: ConfigInput, environment: Environment): Config {
  const setting = (name: string): string | undefined => environment[name] || undefined;
  const listen = parseAddress(input.listen ?? setting('SEALDISK_LISTEN') ?? '127.0.0.1:8686', '--listen');
  if (!LOOPBACK.test(listen.host)) {
    throw new SystemError(
      'invalid',
      'NOT_LOOPBACK',
      `--listen ${listen.host} would take signed requests over a network without TLS; listen on 127.0.0.1 and put a TLS proxy in front that keeps the Host header`,
    );
  }
  const nbdListen = parseAddress(
    input.nbdListen ?? setting('SEALDISK_NBD_LISTEN') ?? '127.0.0.1:10809',
    '--nbd-listen',
  );
  const testClock = input.testClock ?? false;
  if (testClock && !LOOPBACK.test(nbdListen.host)) {
    throw new SystemError(
      'invalid',
      'TEST_CLOCK_EXPOSED',
      `--test-clock is for tests on one machine, and --nbd-listen ${nbdListen.host} is reached from others; leave one of them out`,
    );
  }
  return Object.freeze({
    dataDirectory: dataDirectory(input.dataDir, environment),
    listen,
    nbdListen,
    nbdCertificates: nbdCertificates(
      input.nbdCertificate ?? setting('SEALDISK_NBD_CERTIFICATE'),
      input.nbdKey ?? setting('SEALDISK_NBD_KEY'),
      input.nbdClientCa ?? setting('SEALDISK_NBD_CLIENT_CA'),
    ),
    defaultRegion: checkedRegion(setting('SEALDISK_DEFAULT_REGION') ?? 'cn-hangzhou', 'SEALDISK_DEFAULT_REGION'),
    presetAccessKey: presetAccessKey(setting('SEALDISK_ACCESS_KEY_ID'), setting('SEALDISK_ACCESS_KEY_SECRET')),
    root: rootSettings(environment),
    requestRates: {
      accountPerSecond: requestRate(
        setting,
        'SEALDISK_ACCOUNT_REQUESTS_PER_SECOND',
        DEFAULT_REQUEST_RATES.accountPerSecond,
      ),
      operationPerSecond: requestRate(
        setting,
        'SEALDISK_OPERATION_REQUESTS_PER_SECOND',
        DEFAULT_REQUEST_RATES.operationPerSecond,
      ),
    },
    keepExports: input.keepExports ?? false,
    testClock,
    imageStore: resolved(setting('SEALDISK_IMAGE_STORE')),
    auditKeepDays: days(setting('SEALDISK_AUDIT_KEEP_DAYS'), 'SEALDISK_AUDIT_KEEP_DAYS'),
  });
}

/** The absolute data directory of a command. */
export function dataDirectory(option: string | undefined, environment: Environment): string {
  return path.resolve(option ?? (environment['SEALDISK_DATA_DIR'] || './sealdisk-data'));
}

/** `host:port` as URLs write it. */
export function formatAddress({ host, port }: Address): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

function parseAddress(text: string, option: string): Address {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || !(port <= 65_535)) {
    throw new SystemError(
      'invalid',
      'BAD_ADDRESS',
      `${option} wants HOST:PORT such as 127.0.0.1:8686, not ${JSON.stringify(text)}`,
    );
  }
  return { host, port };
}

function resolved(directory: string | undefined): string | undefined {
  return directory === undefined ? undefined : path.resolve(directory);
}

function days(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new SystemError(
    'invalid',
    'BAD_DAYS',
    `${name} wants a number of days from 1 to 99999, not ${JSON.stringify(text)}`,
  );
}

function nbdCertificates(
  certificate: string | undefined,
  privateKey: string | undefined,
  authorities: string | undefined,
): CertificatePaths | undefined {
  if (certificate === undefined && privateKey === undefined && authorities === undefined) return undefined;
  if (certificate === undefined || privateKey === undefined || authorities === undefined) {
    throw new SystemError(
      'invalid',
      'HALF_CERTIFICATE',
      'set all of --nbd-certificate, --nbd-key and --nbd-client-ca, or none: the server and its clients prove themselves to each other',
    );
  }
  return {
    certificate: path.resolve(certificate),
    privateKey: path.resolve(privateKey),
    authorities: path.resolve(authorities),
  };
}

function requestRate(setting: (name: string) => string | undefined, name: string, otherwise: number): number {
  const text = setting(name);
  if (text === undefined) return otherwise;
  if (!/^(0|[1-9]\d{0,6})$/.test(text)) {
    throw new SystemError(
      'invalid',
      'BAD_RATE',
      `${name} wants a whole number of requests a second up to 9999999, or 0 for no limit, not ${JSON.stringify(text)}`,
    );
  }
  return Number(text);
}

/** @throws {SystemError} kind `invalid`: the catalogue has no such region. */
export function checkedRegion(regionId: string, setting: string): string {
  if (findRegion(regionId) === undefined) {
    throw new SystemError(
      'invalid',
      'BAD_REGION',
      `${setting} wants the id of a known region such as cn-hangzhou, not ${JSON.stringify(regionId)}; DescribeRegions lists them`,
    );
  }
  return regionId;
}

function presetAccessKey(id: string | undefined, secret: string | undefined): Config['presetAccessKey'] {
  if (id === undefined && secret === undefined) return undefined;
  if (id === undefined || secret === undefined) {
    throw new SystemError(
      'invalid',
      'HALF_ACCESS_KEY',
      'set both SEALDISK_ACCESS_KEY_ID and SEALDISK_ACCESS_KEY_SECRET, or neither',
    );
  }
  for (const [name, value] of [
    ['SEALDISK_ACCESS_KEY_ID', id],
    ['SEALDISK_ACCESS_KEY_SECRET', secret],
  ] as const) {
    if (!/^[A-Za-z0-9._-]{8,128}$/.test(value)) {
      throw new SystemError(
        'invalid',
        'BAD_ACCESS_KEY',
        `${name} wants 8 to 128 letters, digits, dots, underscores or hyphens`,
      );
    }
  }
  return { id, secret };
}
