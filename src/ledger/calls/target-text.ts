import type { TargetFacts } from '../../core/call.ts';
import { memoizeByObject } from '../../core/memoize-by-object.ts';

/** The facts of a target as JSON. Calls of one target share the object, so the text is made once for many calls. */
export const targetText = memoizeByObject((target: TargetFacts) => JSON.stringify(target));
