import type { QueryClient, QueryFilters, QueryKey } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { bodyOf, client } from "./client";
import { Feed, type FeedState } from "./feed";
import { landingPageQuery } from "./landing-page";
import { mappingQuery, mappingsQuery } from "./mappings";
import type { ConsoleEvent, Mapping, MappingState, RequestLogEntry } from "./model";
import { RECENT, recentRequestsQuery } from "./requests";
import { statsQuery } from "./stats";
import { statusQuery } from "./status";

const EVENT_NAMES = [
  "status",
  "mapping-status",
  "mappings-changed",
  "requests",
  "connection",
  "log",
  "reset",
] as const satisfies readonly LiveEvent["event"][];

export type LiveEvent = ConsoleEvent;

/** A page that follows the stream itself, as a log does. */
interface Listener {
  onEvent: (event: LiveEvent) => void;
  /** Events were missed: what is shown has to be fetched anew. */
  onGap: () => void;
}

/** Gives an event of the stream its type. The contract is the API's document; other names are a newer console's. */
export function eventOf(name: string, data: unknown): LiveEvent | undefined {
  const event = EVENT_NAMES.find((known) => known === name);
  if (!event || typeof data !== "object" || data === null) return undefined;
  return { event, data } as LiveEvent;
}

/** Brings the cached answers up to date with an event. */
export function applyEvent(cache: QueryClient, event: LiveEvent): void {
  switch (event.event) {
    case "status":
      cache.setQueryData(statusQuery.queryKey, event.data);
      askAgainIfUnderWay(cache, statusQuery.queryKey);
      break;
    case "mapping-status":
      for (const state of event.data.mappings) putState(cache, state);
      askAgainIfUnderWay(cache, mappingsQuery.queryKey);
      break;
    case "mappings-changed":
      renew(cache, mappingsQuery.queryKey);
      renew(cache, landingPageQuery.queryKey);
      break;
    case "requests":
      putRequests(cache, event.data.items);
      break;
    case "connection":
    case "log":
      break;
    case "reset":
      renew(cache);
      break;
  }
}

/**
 * Lets answers be fetched anew: all, or those whose keys begin so. A first answer that is under way is let run on by
 * `invalidateQueries` and counts as fresh then, though it may be from before the news: it is followed by another.
 */
function renew(cache: QueryClient, queryKey?: QueryKey): void {
  const which: QueryFilters = queryKey ? { queryKey } : {};
  const underWay = cache.getQueryCache().findAll({ ...which, fetchStatus: "fetching" });
  for (const query of underWay.filter((one) => one.state.data === undefined)) {
    const again = () => cache.invalidateQueries({ queryKey: query.queryKey, exact: true });
    query.fetch().then(again, () => undefined);
  }
  void cache.invalidateQueries(which);
}

/** An answer under way may be older than news that have just been put in its place, and would overwrite them. */
function askAgainIfUnderWay(cache: QueryClient, queryKey: QueryKey): void {
  if (cache.isFetching({ queryKey }) > 0) renew(cache, queryKey);
}

/**
 * Puts a mapping that the API has just answered with into the list and its own place. Its state may have changed while
 * the answer was under way, and the news of that may have come first: what is cached is fetched anew.
 */
export function putMapping(cache: QueryClient, mapping: Mapping): void {
  cache.setQueryData(mappingsQuery.queryKey, (list) => {
    if (!list) return list;
    const at = list.findIndex((one) => one.id === mapping.id);
    return at < 0 ? [...list, mapping] : list.with(at, mapping);
  });
  cache.setQueryData(mappingQuery(mapping.id).queryKey, mapping);
  renew(cache, mappingsQuery.queryKey);
}

export function dropMapping(cache: QueryClient, id: string): void {
  const { queryKey } = mappingsQuery;
  putInto(cache, queryKey, () =>
    cache.setQueryData(queryKey, (list) => list?.filter((one) => one.id !== id)),
  );
  cache.removeQueries({ queryKey: mappingQuery(id).queryKey });
}

/**
 * What is put into an answer makes it count as the newest one. An answer that has to be fetched anew, when somebody next
 * looks at it, still has to be: the news were not all that it lacks.
 */
function putInto(cache: QueryClient, queryKey: QueryKey, put: () => void): void {
  const isOld = cache.getQueryState(queryKey)?.isInvalidated === true;
  put();
  if (isOld) void cache.invalidateQueries({ queryKey, exact: true, refetchType: "none" });
}

function putState(cache: QueryClient, { id, sync, live }: MappingState): void {
  const { queryKey: listKey } = mappingsQuery;
  putInto(cache, listKey, () =>
    cache.setQueryData(listKey, (list) => list?.map((one) => (one.id === id ? { ...one, sync, live } : one))),
  );
  const { queryKey } = mappingQuery(id);
  putInto(cache, queryKey, () => cache.setQueryData(queryKey, (one) => one && { ...one, sync, live }));
}

function putRequests(cache: QueryClient, oldestFirst: readonly RequestLogEntry[]): void {
  for (const mappingId of new Set(oldestFirst.map((request) => request.mappingId))) {
    const { queryKey } = recentRequestsQuery(mappingId);
    const theirs = oldestFirst.filter((request) => request.mappingId === mappingId);
    putInto(cache, queryKey, () => cache.setQueryData(queryKey, (list) => list && onTop(list, theirs)));
  }
}

function onTop(list: RequestLogEntry[], oldestFirst: readonly RequestLogEntry[]): RequestLogEntry[] {
  const known = new Set(list.map((request) => request.requestId));
  const fresh = oldestFirst.filter((request) => !known.has(request.requestId));
  return fresh.length === 0 ? list : [...fresh.toReversed(), ...list].slice(0, RECENT);
}

/** Figures are fetched anew at most this often when requests arrive, in milliseconds. */
const FIGURES_MS = 1_000;

/** The page's one stream of news, which keeps the cache up to date. */
export class Live {
  readonly #feed: Feed;
  #figures: ReturnType<typeof setTimeout> | undefined;
  readonly #listeners = new Set<Listener>();

  constructor(readonly cache: QueryClient) {
    this.#feed = new Feed({
      names: EVENT_NAMES,
      onEvent: (name, data) => this.#receive(name, data),
      onOpen: () => {
        renew(cache);
        for (const listener of this.#listeners) listener.onGap();
      },
      check: () => bodyOf(client.GET("/api/v1/auth/me")),
    });
  }

  start(): void {
    this.#feed.start();
  }

  stop(): void {
    clearTimeout(this.#figures);
    this.#figures = undefined;
    this.#feed.stop();
  }

  readonly subscribe = (listener: () => void): (() => void) => this.#feed.subscribe(listener);

  readonly listen = (listener: Listener): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly state = (): FeedState => this.#feed.state;

  #receive(name: string, data: unknown): void {
    const event = eventOf(name, data);
    if (!event) return;
    applyEvent(this.cache, event);
    if (event.event === "requests") this.#figuresSoon();
    for (const listener of this.#listeners) {
      if (event.event === "reset") listener.onGap();
      else listener.onEvent(event);
    }
  }

  #figuresSoon(): void {
    this.#figures ??= setTimeout(() => {
      this.#figures = undefined;
      renew(this.cache, statsQuery.queryKey);
    }, FIGURES_MS);
  }
}

export function useFeedState(live: Live): FeedState {
  return useSyncExternalStore(live.subscribe, live.state);
}
