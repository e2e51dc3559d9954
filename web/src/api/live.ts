import type { QueryClient } from "@tanstack/react-query";
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
  "reset",
] as const satisfies readonly ConsoleEvent["event"][];

/** Gives an event of the stream its type. The contract is the API's document; other names are a newer console's. */
export function eventOf(name: string, data: unknown): ConsoleEvent | undefined {
  const event = EVENT_NAMES.find((known) => known === name);
  if (!event || typeof data !== "object" || data === null) return undefined;
  return { event, data } as ConsoleEvent;
}

/** Brings the cached answers up to date with an event. */
export function applyEvent(cache: QueryClient, event: ConsoleEvent): void {
  switch (event.event) {
    case "status":
      cache.setQueryData(statusQuery.queryKey, event.data);
      break;
    case "mapping-status":
      for (const state of event.data.mappings) putState(cache, state);
      // An answer under way may be older than this news and would overwrite it: it is asked for again.
      if (cache.isFetching({ queryKey: mappingsQuery.queryKey }) > 0) {
        void cache.invalidateQueries({ queryKey: mappingsQuery.queryKey });
      }
      break;
    case "mappings-changed":
      void cache.invalidateQueries({ queryKey: mappingsQuery.queryKey });
      void cache.invalidateQueries({ queryKey: landingPageQuery.queryKey });
      break;
    case "requests":
      putRequests(cache, event.data.items);
      break;
    case "connection":
      break;
    case "reset":
      void cache.invalidateQueries();
      break;
  }
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
  void cache.invalidateQueries({ queryKey: mappingsQuery.queryKey });
}

export function dropMapping(cache: QueryClient, id: string): void {
  cache.setQueryData(mappingsQuery.queryKey, (list) => list?.filter((one) => one.id !== id));
  cache.removeQueries({ queryKey: mappingQuery(id).queryKey });
}

function putState(cache: QueryClient, { id, sync, live }: MappingState): void {
  cache.setQueryData(mappingsQuery.queryKey, (list) =>
    list?.map((one) => (one.id === id ? { ...one, sync, live } : one)),
  );
  cache.setQueryData(mappingQuery(id).queryKey, (one) => one && { ...one, sync, live });
}

function putRequests(cache: QueryClient, oldestFirst: readonly RequestLogEntry[]): void {
  for (const mappingId of new Set(oldestFirst.map((request) => request.mappingId))) {
    cache.setQueryData(recentRequestsQuery(mappingId).queryKey, (list) => {
      if (!list) return list;
      const known = new Set(list.map((request) => request.requestId));
      const fresh = oldestFirst.filter(
        (request) => request.mappingId === mappingId && !known.has(request.requestId),
      );
      return fresh.length === 0 ? list : [...fresh.toReversed(), ...list].slice(0, RECENT);
    });
  }
}

/** Figures are fetched anew at most this often when requests arrive, in milliseconds. */
const FIGURES_MS = 1_000;

/** The page's one stream of news, which keeps the cache up to date. */
export class Live {
  readonly #feed: Feed;
  #figures: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly cache: QueryClient) {
    this.#feed = new Feed({
      names: EVENT_NAMES,
      onEvent: (name, data) => this.#receive(name, data),
      onResume: () => void cache.invalidateQueries(),
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

  readonly state = (): FeedState => this.#feed.state;

  #receive(name: string, data: unknown): void {
    const event = eventOf(name, data);
    if (!event) return;
    applyEvent(this.cache, event);
    if (event.event === "requests") this.#figuresSoon();
  }

  #figuresSoon(): void {
    this.#figures ??= setTimeout(() => {
      this.#figures = undefined;
      void this.cache.invalidateQueries({ queryKey: statsQuery.queryKey });
    }, FIGURES_MS);
  }
}

export function useFeedState(live: Live): FeedState {
  return useSyncExternalStore(live.subscribe, live.state);
}
