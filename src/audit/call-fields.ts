import type { AuditedCall, AuditedDecision } from '../api/audited-call.ts';
import type { CallFields } from './events.ts';
import { openParameters } from './parameters.ts';

/** Names of what exists are shorter. */
const NAME_CHARACTERS_MAX = 256;
/** Statements that allow a call; more are not named. */
const STATEMENTS_MAX = 32;
const cut = (name: string): string => name.slice(0, NAME_CHARACTERS_MAX);

/** What a record says of a call. A client must not be able to make a record longer than a line of the log may be. PURE. */
export function fieldsOf(call: AuditedCall): CallFields {
  const { input, resources, decision, ...fields } = call;
  return {
    ...fields,
    claimedAccessKeyId: call.claimedAccessKeyId && cut(call.claimedAccessKeyId),
    userAgent: call.userAgent && cut(call.userAgent),
    action: call.action && cut(call.action),
    region: call.region && cut(call.region),
    resources: resources?.map(cut),
    decision: decision && decisionOf(decision),
    parameters: input === undefined ? undefined : openParameters(input),
  };
}

function decisionOf(decision: AuditedDecision): AuditedDecision {
  if (decision.effect !== 'Allow') return { ...decision, resource: cut(decision.resource) };
  return decision.by === undefined ? decision : { ...decision, by: decision.by.slice(0, STATEMENTS_MAX) };
}
