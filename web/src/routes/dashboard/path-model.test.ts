import { describe, expect, it } from "vitest";
import type { Mapping, Status } from "../../api/model";
import { emptyStats, sampleMapping, sampleMappings, sampleStats, sampleStatus } from "../../mock-api/samples";
import { pathOf } from "./path-model";

const now = Date.now();
const up = sampleStatus([], now);
const stats = sampleStats([], now);
const fine = [sampleMapping({ name: "A" }, now), sampleMapping({ name: "B" }, now)];
const down = (name: string): Mapping =>
  sampleMapping({ name, live: { state: "target_down", code: "target_refused", reason: "refused." } }, now);

const hops = (status: Status, mappings: Mapping[], figures = stats) => pathOf(status, figures, mappings).hops;

describe("the picture of the path", () => {
  it("carries from end to end, with what flows on it", () => {
    const path = pathOf(up, stats, fine);
    expect(path.hops.map((hop) => hop.state)).toEqual(["carries", "carries", "carries"]);
    expect(path.stations.map((station) => station.tone)).toEqual(["good", "good", "good", "good"]);
    expect(path.hops[0].figures[0]).toMatch(/ req\/s$/);
    expect(path.hops[1].figures).toEqual(["websocket", "4 links", "4.1 ms"]);
    expect(path.hops[2].figures[0]).toMatch(/\/s$/);
    expect(path.hops.some((hop) => hop.reason)).toBe(false);
  });

  it("is idle when nobody came", () => {
    expect(hops(up, fine, emptyStats(now)).map((hop) => hop.state)).toEqual(["idle", "idle", "idle"]);
    expect(pathOf(up, emptyStats(now), fine).stations[0].tone).toBe("unknown");
  });

  it.each(["Reconnecting", "Disconnected"] as const)(
    "is broken at the tunnel when %s, with the reason",
    (state) => {
      const status = { ...up, connectionStatus: state, links: [], lastError: "The key is wrong." };
      const path = pathOf(status, stats, fine);
      expect(path.hops.map((hop) => hop.state)).toEqual(["unknown", "broken", "unknown"]);
      expect(path.hops[1].reason).toBe("The key is wrong.");
      expect(path.stations.map((station) => station.tone)).toEqual(["unknown", "unknown", "good", "unknown"]);
    },
  );

  it("has a reason even when the agent gave none", () => {
    const status = { ...up, connectionStatus: "Disconnected" as const, lastError: null };
    expect(hops(status, fine)[1].reason).toBe("The agent is not connected to its gateway.");
  });

  it.each(["Connecting", "Authenticating", "Syncing"] as const)("is being made while %s", (state) => {
    const [, tunnel] = hops({ ...up, connectionStatus: state }, fine);
    expect(tunnel.state).toBe("forming");
    expect(tunnel.figures).toEqual([`${state.toLowerCase()}…`]);
  });

  it("warns of one target that is down, and still carries to the others", () => {
    const path = pathOf(up, stats, [...fine, down("Grafana")]);
    expect(path.hops[2]).toMatchObject({ state: "carries", reason: "Grafana: refused." });
    expect(path.stations[3]).toMatchObject({ tone: "warn", lines: ["3 active mappings", "1 target down"] });
  });

  it("is broken at the targets when all of them are down", () => {
    const path = pathOf(up, stats, [down("A"), down("B"), sampleMapping({ enabled: false }, now)]);
    expect(path.hops[2]).toMatchObject({ state: "broken", reason: "A: refused. And 1 more." });
    expect(path.stations[3].tone).toBe("bad");
  });

  it("says when there is nothing to lead to", () => {
    expect(pathOf(up, stats, []).hops[2]).toMatchObject({ state: "unknown", figures: [] });
    expect(pathOf(up, stats, []).stations[3]).toMatchObject({
      tone: "unknown",
      lines: ["no active mapping"],
    });
  });

  it("names one link as one, and leaves out a round trip that is not measured yet", () => {
    const [, tunnel] = hops({ ...up, links: up.links.slice(0, 1), roundTripMs: null }, sampleMappings(now));
    expect(tunnel.figures).toEqual(["websocket", "1 link"]);
  });
});
