/**
 * The newest part of a log: a page of it from the API, what the events stream brings after that, and older pages on
 * demand. Rows have ids that rise with time.
 */

interface Row {
  id: number;
}

export interface TailPage<T> {
  items: readonly T[];
  hasMore: boolean;
  /** Where the next page begins, when that is not the last row: a search may have looked further and found nothing. */
  nextBeforeId?: number | null | undefined;
}

export interface TailState<T> {
  /** Newest first. */
  rows: readonly T[];
  /** How many have come that are not shown yet. */
  waiting: number;
  /** Whether there are older ones. */
  hasMore: boolean;
  /** Whether the first answer is still awaited. */
  pending: boolean;
  /** Why the newest could not be loaded; what was there before stays. */
  error: Error | undefined;
  loadingOlder: boolean;
  olderError: Error | undefined;
}

interface TailOptions<T> {
  /** Rows with a lower id, newest first; without one the newest. */
  load: (beforeId: number | undefined, signal: AbortSignal) => Promise<TailPage<T>>;
  /** Whether a row of the events stream is one of those that `load` would give. */
  matches: (row: T) => boolean;
}

/** Most rows that are kept, for the browser's memory (some 50 MB); the oldest go first and can be loaded again. */
const MOST = 100_000;
/** Most pages without a row that are asked for in one go; then the reader decides whether to look further back. */
const MOST_BARREN = 8;
/** Most rows that wait; when there are more, they are loaded instead. */
const MOST_WAITING = 5_000;

export class Tail<T extends Row> {
  #state: TailState<T> = {
    rows: [],
    waiting: 0,
    hasMore: false,
    pending: true,
    error: undefined,
    loadingOlder: false,
    olderError: undefined,
  };
  /** Newest first; undefined when there were too many. */
  #waiting: T[] | undefined = [];
  #held = false;
  /** Where the next older page begins; undefined means at the oldest row. */
  #cursor: number | undefined;
  /** What came while the newest were being loaded, newest first. */
  #meanwhile: T[] = [];
  #abort: AbortController | undefined;
  #olderAbort: AbortController | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(readonly options: TailOptions<T>) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly state = (): TailState<T> => this.#state;

  stop(): void {
    this.#abort?.abort();
    this.#olderAbort?.abort();
  }

  /** Loads the newest; what is there already stays if the answer reaches back to it. */
  async reload(): Promise<void> {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.#meanwhile = [];
    if (this.#state.rows.length === 0) this.#become({ pending: true, error: undefined });
    try {
      const page = await this.#find(undefined, abort.signal);
      if (!abort.signal.aborted) this.#join(page);
    } catch (error) {
      if (!abort.signal.aborted) this.#become({ pending: false, error: asError(error) });
    }
  }

  async loadOlder(): Promise<void> {
    const { hasMore, loadingOlder, pending } = this.#state;
    const beforeId = this.#cursor ?? this.#state.rows.at(-1)?.id;
    if (beforeId === undefined || !hasMore || loadingOlder || pending) return;
    const abort = new AbortController();
    this.#olderAbort = abort;
    this.#become({ loadingOlder: true, olderError: undefined });
    try {
      const page = await this.#find(beforeId, abort.signal);
      if (abort.signal.aborted) return;
      this.#cursor = page.nextBeforeId ?? undefined;
      const { rows } = this.#state;
      const last = rows.at(-1);
      const older = last ? page.items.filter((row) => row.id < last.id) : page.items;
      this.#become({ rows: [...rows, ...older], hasMore: page.hasMore, loadingOlder: false });
    } catch (error) {
      this.#become(
        abort.signal.aborted ? { loadingOlder: false } : { loadingOlder: false, olderError: asError(error) },
      );
    }
  }

  /** The next rows, over pages of a search that have none. */
  async #find(from: number | undefined, signal: AbortSignal): Promise<TailPage<T>> {
    let page = await this.options.load(from, signal);
    for (let barren = 1; barren < MOST_BARREN; barren += 1) {
      const next = page.nextBeforeId;
      if (page.items.length > 0 || !page.hasMore || !next || signal.aborted) break;
      page = await this.options.load(next, signal);
    }
    return page;
  }

  /** What the events stream brought, oldest first. */
  add(oldestFirst: readonly T[]): void {
    const news = oldestFirst.filter(this.options.matches).toReversed();
    if (news.length === 0) return;
    this.#meanwhile = [...news, ...this.#meanwhile];
    const newest = this.#state.rows[0]?.id ?? 0;
    const changed = news.filter((row) => row.id <= newest);
    if (changed.length > 0) this.#replace(changed);
    const fresh = news.filter((row) => row.id > newest);
    if (fresh.length === 0) return;
    if (this.#held) this.#wait(fresh);
    else this.#become({ rows: this.#kept([...fresh, ...this.#state.rows]), ...this.#cut(fresh.length) });
  }

  /** Lets what comes wait, so that nothing moves under the reader's eyes, until `release`. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (!waiting) {
      this.#become({ waiting: 0 });
      void this.reload();
    } else if (waiting.length > 0) {
      const rows = this.#kept([...waiting, ...this.#state.rows]);
      this.#become({ rows, waiting: 0, ...this.#cut(waiting.length) });
    }
  }

  #wait(fresh: readonly T[]): void {
    if (this.#waiting && this.#waiting.length + fresh.length <= MOST_WAITING) {
      this.#waiting = [...fresh.filter((row) => row.id > (this.#waiting?.[0]?.id ?? 0)), ...this.#waiting];
      this.#become({ waiting: this.#waiting.length });
    } else {
      this.#waiting = undefined;
      this.#become({ waiting: this.#state.waiting + fresh.length });
    }
  }

  /** News of rows that are here already, such as a session that ended. */
  #replace(changed: readonly T[]): void {
    const byId = new Map(changed.map((row) => [row.id, row]));
    if (!this.#state.rows.some((row) => byId.has(row.id))) return;
    this.#become({ rows: this.#state.rows.map((row) => byId.get(row.id) ?? row) });
  }

  #join(page: TailPage<T>): void {
    const newest = page.items[0]?.id ?? 0;
    const oldest = page.items.at(-1)?.id ?? 0;
    const after = this.#meanwhile.filter((row) => row.id > newest);
    const { rows } = this.#state;
    // A log that is behind what is here has begun anew, and a page that does not reach back leaves a gap.
    const known = new Set(this.#meanwhile.map((row) => row.id));
    const restarted = rows.some((row) => row.id > newest && !known.has(row.id));
    const reaches = !restarted && page.hasMore && rows.some((row) => row.id >= oldest && row.id <= newest);
    const before = reaches ? rows.filter((row) => row.id < oldest) : [];
    if (before.length === 0) this.#cursor = page.nextBeforeId ?? undefined;
    this.#meanwhile = [];
    this.#waiting = [];
    this.#become({
      rows: this.#kept([...after, ...page.items, ...before]),
      waiting: 0,
      hasMore: before.length > 0 ? this.#state.hasMore : page.hasMore,
      pending: false,
      error: undefined,
    });
  }

  #kept(rows: readonly T[]): readonly T[] {
    if (rows.length <= MOST) return rows;
    this.#cursor = undefined;
    return rows.slice(0, MOST);
  }

  /** What changes when so many more rows are too many. */
  #cut(more: number): Partial<TailState<T>> {
    return this.#state.rows.length + more > MOST ? { hasMore: true } : {};
  }

  #become(change: Partial<TailState<T>>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
