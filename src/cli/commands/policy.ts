import { readFileSync } from 'node:fs';

import { messageOf, SystemError } from '../../base/errors.ts';
import type { Composition } from '../composition.ts';
import type { Output } from '../output.ts';
import { dataDirectoryOf } from '../server-location.ts';
import { callSealdisk } from '../signed-call.ts';

/** Exit code of a policy that is not understood, or of an access that is refused. */
const NO = 1;

/** Says whether the policy in a file is understood, else where it is wrong, with the line and a mark below it. */
export async function checkPolicyFile(
  file: string,
  options: { readonly trust?: boolean },
  composition: Composition,
  output: Output,
): Promise<number> {
  const text = readText(file);
  const check = await composition.checkPolicy(text, options.trust === true ? 'trust' : 'identity');
  if ('statements' in check) {
    output.result({ valid: true, ...check }, [
      `${file}: understood, ${check.statements} statement${check.statements === 1 ? '' : 's'}`,
    ]);
    return 0;
  }
  const { line, column, problem } = check;
  const shown = text.split('\n')[line - 1] ?? '';
  output.result({ valid: false, ...check }, [
    `${file}:${line}:${column}: ${problem}`,
    shown.trimEnd(),
    // Tabs stay, so that the mark stands where the line shows the place.
    `${shown.slice(0, column - 1).replaceAll(/[^\t]/g, ' ')}^`,
  ]);
  return NO;
}

export interface SimulateOptions {
  readonly dataDir?: string;
  readonly context?: readonly string[];
  readonly sessionPolicy?: string;
  readonly json?: boolean;
}

interface SimulatedAnswer {
  readonly Results: {
    readonly Result: readonly {
      readonly Decision: string;
      readonly PolicyLayer: string;
      readonly PolicyName?: string;
      readonly PolicyType?: string;
      readonly PolicyVersion?: string;
      readonly AttachedTo?: string;
      readonly StatementIndex?: number;
      readonly Line?: number;
      readonly Column?: number;
    }[];
  };
}

/** Asks the running server what it would decide. */
export async function simulatePolicy(
  asked: { readonly principal: string; readonly action: string; readonly resource: string },
  options: SimulateOptions,
  output: Output,
): Promise<number> {
  const { sessionPolicy, context } = options;
  const answer = await callSealdisk<SimulatedAnswer>(
    dataDirectoryOf(options),
    'SimulatePrincipalPolicy',
    {
      PrincipalArn: asked.principal,
      'ActionNames.1': asked.action,
      'ResourceArns.1': asked.resource,
      ...(context !== undefined && { Context: JSON.stringify(Object.fromEntries(context.map(pairOf))) }),
    },
    sessionPolicy === undefined ? {} : { SessionPolicy: readText(sessionPolicy) },
  );
  const [result] = answer.Results.Result;
  const because =
    result?.PolicyName === undefined
      ? result?.Decision === 'Allow'
        ? 'the account owns it'
        : `no statement applies (${result?.PolicyLayer ?? ''})`
      : `${result.PolicyType} ${result.PolicyName} ${result.PolicyVersion} of ${result.AttachedTo}, statement ${result.StatementIndex} (line ${result.Line}, column ${result.Column})`;
  output.result(result ?? {}, [`${result?.Decision}: ${because}`]);
  return result?.Decision === 'Allow' ? 0 : NO;
}

function pairOf(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new SystemError(
    'invalid',
    'CONTEXT_FORM',
    `--context takes key=value, such as acs:SourceIp=10.0.0.1, not ${text}.`,
  );
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new SystemError('not-found', 'FILE_UNREADABLE', `${file} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
