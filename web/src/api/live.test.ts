import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { MockConsole } from "../mock-api/console";
import { sampleRequest } from "../mock-api/samples";
import { connect } from "../testing/render";
import { landingPageQuery } from "./landing-page";
import { applyEvent, dropMapping, eventOf, Live, putMapping } from "./live";
import { mappingQuery, mappingsQuery } from "./mappings";
import type { Mapping, Status } from "./model";
import { RECENT, recentRequestsQuery } from "./requests";
import { statusQuery } from "./status";

/** Never reached when right, whatever the machine is busy with. */
const PATIENCE = { timeout: 10_000 };

let api: MockConsole;
let cache: QueryClient;
let photos: Mapping;

beforeEach(() => {
  api = connect(new MockConsole());
  cache = new QueryClient();
  const [first] = api.mappings;
  if (!first) throw new Error("the mock has mappings");
  photos = first;
  cache.setQueryData(mappingsQuery.queryKey, api.mappings);
});

describe("events", () => {
  it("of unknown names or without an object are left alone", () => {
    expect(eventOf("uptime", {})).toBeUndefined();
    expect(eventOf("status", "text")).toBeUndefined();
    expect(eventOf("status", null)).toBeUndefined();
    expect(eventOf("reset", { reason: "old" })).toEqual({ event: "reset", data: { reason: "old" } });
  });

  it("bring the status", () => {
    applyEvent(cache, { event: "status", data: { ...api.status, connectionStatus: "Reconnecting" } });
    expect(cache.getQueryData(statusQuery.queryKey)?.connectionStatus).toBe("Reconnecting");
  });

  it("bring the live state of mappings, in the list and in their own place", () => {
    cache.setQueryData(mappingQuery(photos.id).queryKey, photos);
    const live = { state: "target_down", code: "target_refused", reason: "refused" } as const;
    applyEvent(cache, {
      event: "mapping-status",
      data: { mappings: [{ id: photos.id, sync: photos.sync, live }] },
    });
    expect(cache.getQueryData(mappingsQuery.queryKey)?.[0]?.live.state).toBe("target_down");
    expect(cache.getQueryData(mappingQuery(photos.id).queryKey)?.live.reason).toBe("refused");
    expect(cache.getQueryData(mappingsQuery.queryKey)?.[1]?.live.state).toBe("ok");
  });

  it("are not overwritten by an older answer that was under way", async () => {
    const answers: ((list: Mapping[]) => void)[] = [];
    const queryFn = () => new Promise<Mapping[]>((resolve) => answers.push(resolve));
    const observer = new QueryObserver(cache, { queryKey: mappingsQuery.queryKey, queryFn, staleTime: 0 });
    const stop = observer.subscribe(() => undefined);
    const pending: Mapping = { ...photos, sync: { state: "pending", code: null, reason: null } };
    const applied: Mapping = { ...photos, sync: { state: "applied", code: null, reason: null } };
    await vi.waitFor(() => expect(answers).toHaveLength(1), PATIENCE);
    const { id, sync, live } = applied;
    applyEvent(cache, { event: "mapping-status", data: { mappings: [{ id, sync, live }] } });
    await vi.waitFor(() => expect(answers).toHaveLength(2), PATIENCE);
    answers[0]?.([pending]);
    answers[1]?.([applied]);
    await vi.waitFor(() => expect(observer.getCurrentResult().isFetching).toBe(false), PATIENCE);
    expect(cache.getQueryData(mappingsQuery.queryKey)?.[0]?.sync.state).toBe("applied");
    stop();
  });

  it("of the tunnel are not overwritten by an older answer either, whether or not it can be asked for anew", async () => {
    const answers: { resolve: (status: Status) => void; reject: (error: Error) => void }[] = [];
    const queryFn = () => new Promise<Status>((resolve, reject) => answers.push({ resolve, reject }));
    const observer = new QueryObserver(cache, { ...statusQuery, queryFn, staleTime: 0, retry: false });
    const stop = observer.subscribe(() => undefined);
    const gone: Status = { ...api.status, connectionStatus: "Disconnected" };
    applyEvent(cache, { event: "status", data: gone });
    await vi.waitFor(() => expect(answers).toHaveLength(2), PATIENCE);
    answers[0]?.resolve(api.status);
    answers[1]?.reject(new Error("the console is gone"));
    await vi.waitFor(() => expect(observer.getCurrentResult().isFetching).toBe(false), PATIENCE);
    expect(cache.getQueryData(statusQuery.queryKey)?.connectionStatus).toBe("Disconnected");
    stop();
  });

  it("are not lost to a first answer that was under way", async () => {
    cache.clear();
    const answers: ((list: Mapping[]) => void)[] = [];
    const queryFn = () => new Promise<Mapping[]>((resolve) => answers.push(resolve));
    const observer = new QueryObserver(cache, { ...mappingsQuery, queryFn, staleTime: 30_000 });
    const stop = observer.subscribe(() => undefined);
    applyEvent(cache, { event: "mappings-changed", data: { revision: 2 } });
    // What the API knew before the change.
    answers[0]?.([]);
    await vi.waitFor(() => expect(answers).toHaveLength(2), PATIENCE);
    answers[1]?.([photos]);
    await vi.waitFor(() => expect(observer.getCurrentResult().data).toEqual([photos]), PATIENCE);
    stop();
  });

  it("leave it to be fetched anew when they are not all that an answer lacks", () => {
    const requests = recentRequestsQuery(photos.id).queryKey;
    const request = sampleRequest(photos, Date.now());
    cache.setQueryData(requests, []);
    applyEvent(cache, { event: "reset", data: { reason: "old" } });
    applyEvent(cache, { event: "requests", data: { items: [request] } });
    applyEvent(cache, {
      event: "mapping-status",
      data: {
        mappings: [{ id: photos.id, sync: photos.sync, live: { ...photos.live, state: "target_down" } }],
      },
    });
    expect(cache.getQueryData(requests)).toEqual([request]);
    expect(cache.getQueryData(mappingsQuery.queryKey)?.[0]?.live.state).toBe("target_down");
    for (const key of [requests, mappingsQuery.queryKey]) {
      expect(cache.getQueryState(key)?.isInvalidated).toBe(true);
    }
  });

  it("make changed settings be fetched anew", () => {
    cache.setQueryData(landingPageQuery.queryKey, api.landingPage);
    applyEvent(cache, { event: "mappings-changed", data: { revision: 43 } });
    expect(cache.getQueryState(mappingsQuery.queryKey)?.isInvalidated).toBe(true);
    expect(cache.getQueryState(landingPageQuery.queryKey)?.isInvalidated).toBe(true);
  });

  it("make everything be fetched anew when some were missed", () => {
    cache.setQueryData(statusQuery.queryKey, api.status);
    applyEvent(cache, { event: "reset", data: { reason: "too old" } });
    expect(cache.getQueryState(statusQuery.queryKey)?.isInvalidated).toBe(true);
  });

  it("put finished requests on top, newest first, once each, and no more than are shown", () => {
    const key = recentRequestsQuery(photos.id).queryKey;
    const old = Array.from({ length: RECENT }, (_, index) => sampleRequest(photos, 1_000 - index));
    cache.setQueryData(key, old);
    const items = [sampleRequest(photos, 2_000), sampleRequest(photos, 3_000)];
    applyEvent(cache, { event: "requests", data: { items } });
    applyEvent(cache, { event: "requests", data: { items } });
    const shown = cache.getQueryData(key) ?? [];
    expect(shown).toHaveLength(RECENT);
    expect(shown.slice(0, 3).map((one) => one.requestId)).toEqual([
      items[1]?.requestId,
      items[0]?.requestId,
      old[0]?.requestId,
    ]);
  });

  it("of a mapping that nobody looks at are not kept", () => {
    applyEvent(cache, { event: "requests", data: { items: [sampleRequest(photos, 1)] } });
    expect(cache.getQueryData(recentRequestsQuery(photos.id).queryKey)).toBeUndefined();
  });
});

describe("answers to changes", () => {
  it("are put in place", () => {
    putMapping(cache, { ...photos, name: "Pictures" });
    expect(cache.getQueryData(mappingsQuery.queryKey)?.[0]?.name).toBe("Pictures");
    putMapping(cache, { ...photos, id: "new", name: "New" });
    expect(cache.getQueryData(mappingsQuery.queryKey)?.at(-1)?.name).toBe("New");
  });

  it("take what was deleted away", () => {
    dropMapping(cache, photos.id);
    expect(cache.getQueryData(mappingsQuery.queryKey)?.some((one) => one.id === photos.id)).toBe(false);
  });
});

describe("the stream", () => {
  it("lets what was answered before it stood be fetched anew: nobody tells what happened in between", async () => {
    const live = new Live(cache);
    live.start();
    expect(cache.getQueryState(mappingsQuery.queryKey)?.isInvalidated).toBe(false);
    await vi.waitFor(() => expect(live.state()).toBe("open"), PATIENCE);
    expect(cache.getQueryState(mappingsQuery.queryKey)?.isInvalidated).toBe(true);
    live.stop();
  });

  it("is opened anew by itself after the server was away, and what was missed is fetched", async () => {
    const live = new Live(cache);
    live.start();
    await vi.waitFor(() => expect(live.state()).toBe("open"), PATIENCE);
    cache.setQueryData(mappingsQuery.queryKey, api.mappings);
    api.away = true;
    await vi.waitFor(() => expect(live.state()).toBe("lost"), PATIENCE);
    api.away = false;
    await vi.waitFor(() => expect(live.state()).toBe("open"), PATIENCE);
    expect(cache.getQueryState(mappingsQuery.queryKey)?.isInvalidated).toBe(true);
    live.stop();
  });

  it("ends with the access token; the session is renewed and the stream opened again", async () => {
    const live = new Live(cache);
    live.start();
    await vi.waitFor(() => expect(live.state()).toBe("open"), PATIENCE);
    // The stream may be back before anybody looks: what it went through is kept.
    const seen: string[] = [];
    const end = live.subscribe(() => seen.push(live.state()));
    api.expired = true;
    await vi.waitFor(() => expect(seen.slice(seen.indexOf("lost"))).toEqual(["lost", "open"]), PATIENCE);
    expect(api.refreshes).toBe(1);
    end();
    live.stop();
  });

  it("stays closed after it was stopped", async () => {
    const live = new Live(cache);
    live.start();
    await vi.waitFor(() => expect(live.state()).toBe("open"), PATIENCE);
    live.stop();
    api.setStatus({ connectionStatus: "Disconnected" });
    expect(cache.getQueryData(statusQuery.queryKey)?.connectionStatus).not.toBe("Disconnected");
    expect(live.state()).toBe("connecting");
  });
});
