import { basePath } from "./base";

/** Whether news arrive: `connecting` before the first time, `lost` when it once worked or its first try failed. */
export type FeedState = "connecting" | "open" | "lost";

/** First and longest wait between attempts while the server is away, in milliseconds. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;

interface FeedOptions {
  /** Names of the events to listen to. */
  names: readonly string[];
  onEvent: (name: string, data: unknown) => void;
  /** The stream stands, for the first time or again: what was fetched before may lack what has happened since. */
  onOpen: () => void;
  /** Asks the server for anything that needs a session, which renews one that ran out; rejects while that fails. */
  check: () => Promise<unknown>;
}

/**
 * The events stream. It ends when the access token does, and whenever the server or the network goes; an EventSource
 * does not tell one from the other. So each end is followed by a question to the server, which renews the session if
 * need be, and the stream is opened anew as soon as that is answered.
 */
export class Feed {
  #state: FeedState = "connecting";
  #source: EventSource | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wait = 0;
  /** Counts starts and stops, so that an answer to an older question opens nothing. */
  #era = 0;
  readonly #listeners = new Set<() => void>();

  constructor(readonly options: FeedOptions) {}

  get state(): FeedState {
    return this.#state;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  start(): void {
    this.stop();
    this.#open();
  }

  stop(): void {
    this.#era += 1;
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = undefined;
    this.#wait = 0;
    this.#become("connecting");
  }

  #become(state: FeedState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener();
    if (state === "open") this.options.onOpen();
  }

  #open(): void {
    const source = new EventSource(`${basePath}/api/v1/events`);
    this.#source = source;
    source.onopen = () => {
      this.#wait = 0;
      this.#become("open");
    };
    source.onerror = () => {
      if (this.#source !== source) return;
      source.close();
      this.#become("lost");
      this.#openLater();
    };
    for (const name of this.options.names) {
      source.addEventListener(name, (event) => this.#receive(name, event));
    }
  }

  #receive(name: string, event: MessageEvent<string>): void {
    let data: unknown;
    try {
      data = JSON.parse(event.data);
    } catch {
      // An event of a newer console that is not JSON says nothing to this page.
      return;
    }
    this.options.onEvent(name, data);
  }

  #openLater(): void {
    const era = this.#era;
    const wait = this.#wait;
    this.#wait = Math.min(LONGEST_WAIT_MS, Math.max(FIRST_WAIT_MS, wait * 2));
    this.#timer = setTimeout(() => {
      this.options.check().then(
        () => {
          if (this.#era === era) this.#open();
        },
        () => {
          if (this.#era === era) this.#openLater();
        },
      );
    }, wait);
  }
}
