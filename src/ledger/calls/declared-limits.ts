import { memoizeByObject } from '../../core/memoize-by-object.ts';
import type { Meter } from '../../core/meter.ts';
import type { PlannedLimit } from '../../core/plan.ts';
import { actions, metrics, windows } from '../../core/policy.ts';
import type { Metric, Window } from '../../core/policy.ts';
import { subjectText } from '../../core/subject.ts';
import { raisedForm } from './raised-form.ts';
import type { RaisedForm } from './raised-form.ts';

/** A limit as it was declared. */
export type DeclaredLimit = readonly [
  subject: string,
  name: string,
  revision: number,
  meter: string,
  metric: number,
  window: number,
  amount: string,
  action: number,
  /** Where raises are in force: what they add is in the amount. */
  raises?: RaisedForm,
];

/** Limits as they were declared: their JSON, and which metrics and windows occur. */
export interface DeclaredTexts {
  readonly text: string;
  readonly metrics: ReadonlySet<Metric>;
  readonly windows: ReadonlySet<Window>;
}

/** Limits by the meters that they point into; calls with the same path and target share them. */
export const declaredTexts = memoizeByObject((meters: readonly Meter[]) =>
  memoizeByObject((limits: readonly PlannedLimit[]): DeclaredTexts => {
    const declared = limits.map((planned): DeclaredLimit => {
      const { subject, revision, limit, meterIndex, raised } = planned;
      const { name, metric, window, amount, action } = limit;
      const text = [
        subjectText(subject),
        name,
        revision,
        nameOf(meters, meterIndex),
        metrics.indexOf(metric),
        window === undefined ? -1 : windows.indexOf(window),
        amount.toString(),
        actions.indexOf(action),
      ] as const;
      return raised === undefined ? text : [...text, raisedForm(raised)];
    });
    return {
      text: JSON.stringify(declared),
      metrics: new Set(limits.map(({ limit }) => limit.metric)),
      windows: new Set(limits.flatMap(({ limit }) => limit.window ?? [])),
    };
  }),
);

function nameOf(meters: readonly Meter[], index: number): string {
  const meter = meters[index];
  if (meter === undefined) throw new Error(`a limit on meter ${index}, which is not charged`);
  return meter.name;
}
