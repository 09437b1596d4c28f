// Loaded into a replica with `--import`: its wall clock is the real one plus an offset that stands in a file. SIGUSR2
// asks for the file to be read again. Monotonic time is left alone, as by a step of a real clock.
import { readFileSync } from 'node:fs';

const file = process.env['CHAOS_CLOCK_FILE'];
const RealDate = Date;
let offsetMs = 0;

function readOffset(): void {
  if (file !== undefined) offsetMs = Number(readFileSync(file, 'utf8'));
}

class SteppedDate extends RealDate {
  constructor(value: number | string | Date = RealDate.now() + offsetMs) {
    super(value);
  }
  static override now(): number {
    return RealDate.now() + offsetMs;
  }
}

readOffset();
process.on('SIGUSR2', readOffset);
Object.defineProperty(globalThis, 'Date', { value: SteppedDate });
