import type { Reader } from '../metadata/reader.ts';
import type { Sealer } from '../metadata/sealer.ts';
import { findUser } from '../metadata/users.ts';
import { parseArn } from './arn.ts';
import type { ConditionContext } from './policy/condition-values.ts';
import type { Access, DecidedBy, DecidingLayer } from './policy/evaluate.ts';
import type { Signer } from './principals.ts';

/** Everything about one refusal, for whoever may decode it. */
export interface DenialReport {
  readonly action: string;
  readonly resource: string;
  readonly principal: string;
  readonly principalType: Signer['principalType'];
  readonly accountId: string;
  readonly explicit: boolean;
  readonly policyType: DecidingLayer;
  readonly by?: DecidedBy;
  readonly conditions: ConditionContext;
}

interface Denial {
  readonly denied: Access;
  readonly reason: 'ImplicitDeny' | 'ExplicitDeny';
  readonly policyType: DecidingLayer;
  readonly by?: DecidedBy;
}

/**
 * Tells who was refused, and seals why. Callers who are refused must not learn the policies of their account from an
 * error, so they get it sealed: whoever may call DecodeDiagnosticMessage in the same account can open it.
 * Source: RAM API reference, DecodeDiagnosticMessage.
 */
export class DenialReports {
  readonly #reader: Reader;
  readonly #sealer: Sealer | undefined;

  constructor(reader: Reader, sealer?: Sealer) {
    this.#reader = reader;
    this.#sealer = sealer;
  }

  async report(
    signer: Signer,
    denial: Denial,
    conditions: ConditionContext,
  ): Promise<{ readonly principal: string; readonly diagnosticMessage?: string }> {
    const principal = await this.#nameOf(signer);
    if (this.#sealer === undefined) return { principal };
    const report: DenialReport = {
      action: denial.denied.action,
      resource: denial.denied.resource,
      principal,
      principalType: signer.principalType,
      accountId: signer.accountId,
      explicit: denial.reason === 'ExplicitDeny',
      policyType: denial.policyType,
      ...(denial.by && { by: denial.by }),
      conditions,
    };
    const sealed = this.#sealer.seal(contextOf(signer.accountId), Buffer.from(JSON.stringify(report)));
    return { principal, diagnosticMessage: Buffer.from(sealed).toString('base64') };
  }

  /** Undefined when it is no message of this account. */
  open(accountId: string, message: string): DenialReport | undefined {
    try {
      const opened = this.#sealer?.open(contextOf(accountId), Buffer.from(message, 'base64'));
      return opened && (JSON.parse(Buffer.from(opened).toString()) as DenialReport);
    } catch {
      return undefined;
    }
  }

  /** A user's id, `<role>:<session>`, the account's id. Source: SDK, DecodeDiagnosticMessage. */
  async #nameOf({ accountId, arn, principalType }: Signer): Promise<string> {
    const [, name = '', session = ''] = (parseArn(arn)?.relativeId ?? '').split('/');
    if (principalType === 'Account') return accountId;
    if (principalType === 'AssumedRoleUser') return `${name}:${session}`;
    return (await findUser(this.#reader, accountId, name))?.userId ?? name;
  }
}

const contextOf = (accountId: string): string => `denial-report:${accountId}`;
