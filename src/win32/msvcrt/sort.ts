/**
 * qsort and the searches, whose comparison is the program's own code: each comparison leaves the service, which goes on in
 * a step. Where it stands is in the numbers that the call keeps; as the program could change those, they are checked.
 * The order of comparisons decides where equal elements end up: it is the one that this runtime is known for (a quicksort
 * with the middle of three as pivot and a selection sort of up to eight elements).
 * Source: "qsort", "bsearch", "_lfind", "_lsearch", Microsoft; Bentley and McIlroy, "Engineering a Sort Function".
 */
import { STATUS_BAD_STACK } from '../../base/ntstatus.js';
import {
  EXCEPTION_NONCONTINUABLE,
  type PENDING,
  type Service,
  type ServiceCall,
  type ServiceResult,
  type ServiceStep,
} from '../../nt/service.js';

const SMALL = 8;
/** The larger part waits, so the depth is the logarithm of the count. */
const MAXIMUM_DEPTH = 28;
const SWAP_BYTES = 0x10000;
/** Numbers that a sort keeps beside the parts that wait. */
const PLACES = 6;

/** Where the sort stands. Positions are addresses of elements. */
const SELECT = 0;
const ORDER_LOW_MIDDLE = 1;
const ORDER_LOW_HIGH = 2;
const ORDER_MIDDLE_HIGH = 3;
const SCAN_UP_TO_MIDDLE = 4;
const SCAN_UP_TO_HIGH = 5;
const SCAN_DOWN = 6;
const SKIP_EQUAL_ABOVE = 7;
const SKIP_EQUAL_BELOW = 8;

class Sort {
  phase: number = SELECT;
  low = 0;
  high = 0;
  middle = 0;
  /** The rising and the falling scan; in a selection, the candidate and the largest so far. */
  up = 0;
  down = 0;
  /** Parts that wait: low and high of each. */
  readonly waiting: number[] = [];

  constructor(
    private readonly call: ServiceCall,
    readonly width: number,
  ) {}

  save(): number[] {
    return [this.phase, this.low, this.high, this.middle, this.up, this.down, ...this.waiting];
  }

  /** False for numbers that no sort has left. */
  restore(saved: readonly number[]): boolean {
    this.phase = saved[0]!;
    this.low = saved[1]!;
    this.high = saved[2]!;
    this.middle = saved[3]!;
    this.up = saved[4]!;
    this.down = saved[5]!;
    for (let index = PLACES; index < saved.length; index++) this.waiting.push(saved[index]!);
    return saved.length >= PLACES && this.isSound(saved);
  }

  private isSound(saved: readonly number[]): boolean {
    const { width, low, high } = this;
    for (const number of saved) if (!Number.isSafeInteger(number)) return false;
    return (
      width > 0 &&
      this.phase >= SELECT &&
      this.phase <= SKIP_EQUAL_BELOW &&
      this.up >= low &&
      this.up <= high + width &&
      this.down >= low - width &&
      this.down <= high + width &&
      (this.phase === SELECT || (this.middle >= low && this.middle <= high))
    );
  }

  private swap(a: number, b: number): void {
    const { memory } = this.call;
    if (a === b) return;
    memory.probeWrite(a, this.width);
    memory.probeWrite(b, this.width);
    for (let done = 0; done < this.width; done += SWAP_BYTES) {
      const length = Math.min(SWAP_BYTES, this.width - done);
      const kept = memory.readBytes(a + done, length);
      memory.copy(a + done, b + done, length);
      memory.writeBytes(b + done, kept);
    }
  }

  /** The two elements to compare in the present phase. */
  pair(): [left: number, right: number] {
    switch (this.phase) {
      case ORDER_LOW_MIDDLE:
        return [this.low, this.middle];
      case ORDER_LOW_HIGH:
        return [this.low, this.high];
      case ORDER_MIDDLE_HIGH:
        return [this.middle, this.high];
      case SCAN_UP_TO_MIDDLE:
      case SCAN_UP_TO_HIGH:
        return [this.up, this.middle];
      case SELECT:
        return [this.up, this.down];
      default:
        return [this.down, this.middle];
    }
  }

  /** Begins the part from `low` to `high`; false when it needs no comparison and nothing else waits. */
  begin(low: number, high: number): boolean {
    this.low = low;
    this.high = high;
    this.up = low;
    this.down = high;
    const count = Math.floor((high - low) / this.width) + 1;
    if (count > SMALL) {
      this.middle = low + Math.floor(count / 2) * this.width;
      this.phase = ORDER_LOW_MIDDLE;
      return true;
    }
    this.phase = SELECT;
    return this.beginSelection();
  }

  private beginSelection(): boolean {
    if (this.high <= this.low) return this.nextPart();
    this.down = this.low;
    this.up = this.low + this.width;
    return true;
  }

  private nextPart(): boolean {
    const high = this.waiting.pop();
    const low = this.waiting.pop();
    return high !== undefined && low !== undefined && this.begin(low, high);
  }

  /** Takes the comparison's result; false when everything is sorted. */
  advance(result: number): boolean {
    switch (this.phase) {
      case SELECT:
        return this.select(result);
      case ORDER_LOW_MIDDLE:
        if (result > 0) this.swap(this.low, this.middle);
        this.phase = ORDER_LOW_HIGH;
        return true;
      case ORDER_LOW_HIGH:
        if (result > 0) this.swap(this.low, this.high);
        this.phase = ORDER_MIDDLE_HIGH;
        return true;
      case ORDER_MIDDLE_HIGH:
        if (result > 0) this.swap(this.middle, this.high);
        this.up = this.low;
        this.down = this.high;
        return this.scanUp();
      case SCAN_UP_TO_MIDDLE:
      case SCAN_UP_TO_HIGH:
        return result <= 0 ? this.continueUp() : this.scanDown();
      case SCAN_DOWN:
        return result > 0 ? this.scanDown() : this.exchange();
      case SKIP_EQUAL_ABOVE:
        return result === 0 ? this.skipAbove() : this.split();
      default:
        return result === 0 ? this.skipBelow() : this.split();
    }
  }

  private select(result: number): boolean {
    if (result > 0) this.down = this.up;
    this.up += this.width;
    if (this.up <= this.high) return true;
    this.swap(this.down, this.high);
    this.high -= this.width;
    return this.beginSelection();
  }

  private scanUp(): boolean {
    this.phase = this.middle > this.up ? SCAN_UP_TO_MIDDLE : SCAN_UP_TO_HIGH;
    return this.continueUp();
  }

  private continueUp(): boolean {
    this.up += this.width;
    if (this.phase === SCAN_UP_TO_MIDDLE) {
      if (this.up < this.middle) return true;
      this.phase = SCAN_UP_TO_HIGH;
      this.up += this.width;
    }
    return this.up <= this.high || this.scanDown();
  }

  private scanDown(): boolean {
    this.phase = SCAN_DOWN;
    this.down -= this.width;
    return this.down > this.middle || this.exchange();
  }

  private exchange(): boolean {
    if (this.down < this.up) return this.narrow();
    this.swap(this.up, this.down);
    if (this.middle === this.down) this.middle = this.up;
    return this.scanUp();
  }

  /** Both scans have met: what equals the pivot stays out of both parts. */
  private narrow(): boolean {
    this.down += this.width;
    return this.middle < this.down ? this.skipAbove() : this.skipBelow();
  }

  private skipAbove(): boolean {
    this.phase = SKIP_EQUAL_ABOVE;
    this.down -= this.width;
    return this.down > this.middle || this.skipBelow();
  }

  private skipBelow(): boolean {
    this.phase = SKIP_EQUAL_BELOW;
    this.down -= this.width;
    return this.down > this.low || this.split();
  }

  /** The larger part waits. */
  private split(): boolean {
    const { low, high, up, down } = this;
    const hasLow = low < down;
    const hasHigh = up < high;
    if (down - low >= high - up) {
      if (hasLow) this.push(low, down);
      return hasHigh ? this.begin(up, high) : this.nextPart();
    }
    if (hasHigh) this.push(up, high);
    return hasLow ? this.begin(low, down) : this.nextPart();
  }

  private push(low: number, high: number): void {
    if (this.waiting.length < 2 * MAXIMUM_DEPTH) this.waiting.push(low, high);
  }
}

interface SortForm {
  /** The comparison's first argument is a context, the fifth of the function. */
  readonly context: boolean;
}

function compareNext(call: ServiceCall, sort: Sort, form: SortForm): typeof PENDING {
  const [left, right] = sort.pair();
  const args = form.context ? [call.address(4), left, right] : [left, right];
  return call.callGuest(call.address(3), args, 0, sort.save());
}

const sortStep =
  (form: SortForm): ServiceStep =>
  (call, saved) => {
    const sort = new Sort(call, call.size(2));
    if (!sort.restore(saved)) return call.raise(STATUS_BAD_STACK, [], EXCEPTION_NONCONTINUABLE);
    return sort.advance(call.resultLo | 0) ? compareNext(call, sort, form) : undefined;
  };

const sortService = (form: SortForm): Service => ({
  enter: (call) => {
    const [base, count, width] = [call.address(0), call.size(1), call.size(2)];
    if (count < 2 || width === 0) return undefined;
    const sort = new Sort(call, width);
    return sort.begin(base, base + width * (count - 1)) ? compareNext(call, sort, form) : undefined;
  },
  steps: [sortStep(form)],
});

/** bsearch(key, base, count, width, compare): halves the elements; kept: the first of them and how many. */
function searchNext(call: ServiceCall, low: number, count: number): ServiceResult {
  const width = call.size(3);
  if (count <= 0 || width === 0) return 0;
  const half = Math.floor(count / 2);
  const middle = low + (count % 2 === 1 ? half : half - 1) * width;
  return call.callGuest(call.address(4), [call.address(0), middle], 0, [low, count, middle]);
}

const binarySearch: Service = {
  enter: (call) => searchNext(call, call.address(1), call.size(2)),
  steps: [
    (call, saved) => {
      const [low, count, middle] = saved as [low: number, count: number, middle: number];
      const result = call.resultLo | 0;
      if (result === 0) return middle;
      const width = call.size(3);
      const below = Math.floor((middle - low) / width);
      return result < 0 ? searchNext(call, low, below) : searchNext(call, middle + width, count - below - 1);
    },
  ],
};

/** _lfind and _lsearch(key, base, count at, width, compare). */
function linearNext(call: ServiceCall, index: number, append: boolean): ServiceResult {
  const { memory } = call;
  const [base, width] = [call.address(1), call.u32(3)];
  const count = memory.readU32(call.address(2));
  const element = base + index * width;
  if (index < count) return call.callGuest(call.address(4), [call.address(0), element], 0, [index]);
  if (!append) return 0;
  memory.copy(element, call.address(0), width);
  memory.writeU32(call.address(2), count + 1);
  return element;
}

const linearSearch = (append: boolean): Service => ({
  enter: (call) => linearNext(call, 0, append),
  steps: [
    (call, saved) => {
      const index = saved[0]!;
      if (call.resultLo === 0) return call.address(1) + index * call.u32(3);
      return linearNext(call, index + 1, append);
    },
  ],
});

export const sortFunctions: Record<string, Service> = {
  qsort: sortService({ context: false }),
  qsort_s: sortService({ context: true }),
  bsearch: binarySearch,
  _lfind: linearSearch(false),
  _lsearch: linearSearch(true),
};
