// What of an exchange goes into the audit log, and what a client is told when it cannot be written.
import { callClassOf } from '../api/audited-call.ts';
import type { AuditedCall, AuditedDecision, CallClass } from '../api/audited-call.ts';
import { ApiError } from '../api/errors.ts';
import { parseAuthorizationV3 } from '../api/signature/v3.ts';
import { isKind } from '../base/errors.ts';
import type { Exchange, Step } from './exchange.ts';
import { requestIdOf } from './exchange.ts';
import type { AuthorizationDecision } from './ports.ts';

/** More are not named one by one. */
const RESOURCES_MAX = 32;

/** After this step the action runs; a call that cannot be recorded goes no further. */
export const recordBeginning: Step = async (exchange, door) => {
  try {
    if (classOf(exchange) !== 'read') await door.audit.begin(auditedCall(exchange));
  } catch (error) {
    throw notRecorded(exchange, error);
  }
  exchange.hasBegun = true;
};

export function auditedCall(exchange: Exchange): AuditedCall {
  const { http, caller, product, actionName, call, access, decision } = exchange;
  return {
    requestId: requestIdOf(exchange),
    account: caller?.accountId,
    principal: caller?.arn,
    accessKeyId: caller?.accessKeyId,
    claimedAccessKeyId: caller === undefined ? claimedAccessKeyId(exchange) : undefined,
    sourceIp: http.sourceIp,
    userAgent: http.headers.get('user-agent'),
    product,
    action: actionName,
    region: call?.regionId,
    class: classOf(exchange),
    resources: access === undefined ? undefined : resourcesOf(access),
    decision: decision === undefined ? undefined : decisionOf(decision),
    input: call?.input,
  };
}

/** What is not there does nothing. */
function classOf({ action }: Exchange): CallClass {
  return action === undefined ? 'read' : callClassOf(action.product, action.name);
}

function resourcesOf(access: NonNullable<Exchange['access']>): readonly string[] {
  const [first, ...others] = access;
  if (first === undefined) return [];
  return others.length === 0
    ? [first.resource]
    : [...new Set(access.map(({ resource }) => resource))].slice(0, RESOURCES_MAX);
}

function decisionOf(decision: AuthorizationDecision): AuditedDecision {
  if (decision.allowed) {
    const by = new Map((decision.decisions ?? []).flatMap((one) => (one.by ? [[JSON.stringify(one.by), one.by]] : [])));
    return by.size === 0 ? { effect: 'Allow' } : { effect: 'Allow', by: [...by.values()] };
  }
  const { reason, denied, policyType, by } = decision;
  return { effect: reason, ...denied, ...(policyType && { policyType }), ...(by && { by }) };
}

function claimedAccessKeyId({ http, parameters }: Exchange): string | undefined {
  return parseAuthorizationV3(http.headers.get('authorization') ?? '')?.accessKeyId ?? parameters?.get('AccessKeyId');
}

/** What to answer when a record could not be made. Other errors pass through. */
export function notRecorded(exchange: Exchange, error: unknown): unknown {
  if (!isKind(error, 'unavailable')) return error;
  const code = exchange.product === 'kms' ? 'ServiceUnavailableTemporary' : 'ServiceUnavailable';
  const isInDoubt = exchange.hasBegun === true && classOf(exchange) === 'mutation';
  const message = isInDoubt
    ? 'The audit log could not record how this ended, so it is not answered; it may have been done. Make room on the disk of the server, then look before you send it again.'
    : 'The audit log cannot be written, so nothing was done. Make room on the disk of the server, then send the request again.';
  return new ApiError(code, 503, message, { cause: error });
}
