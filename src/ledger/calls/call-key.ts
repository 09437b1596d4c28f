/** One text for a call's organization and request id, neither of which has line breaks. */
export function callKey(orgId: string, requestId: string): string {
  return `${orgId}\n${requestId}`;
}
