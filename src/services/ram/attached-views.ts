import type { Caller } from '../../api/action.ts';
import { listAttachments } from '../../metadata/policy-attachments.ts';
import { holderNameLower } from './attachments.ts';
import type { Holder } from './attachments.ts';
import type { RamDependencies } from './dependencies.ts';
import { attachedPolicyView } from './shown-policy.ts';

/** What is attached to whom the call names, all at once, in order of attachment. */
export async function attachedViews({ database }: RamDependencies, { accountId }: Caller, holder: Holder) {
  const reader = database.read;
  const principalName = await holderNameLower(reader, accountId, holder);
  const attachments = await listAttachments(reader, { accountId, principalType: holder.type, principalName });
  return { Policies: { Policy: await Promise.all(attachments.map((one) => attachedPolicyView(reader, one))) } };
}
