import { CONNECTION } from "../../api/live-state";
import type { LiveStats, Mapping, Status } from "../../api/model";
import { gatewayName } from "../../layout/connection";
import { bytesPerSecond, duration, milliseconds, short, version } from "../../ui/format";
import type { Tone } from "../../ui/state";

export type StationName = "Visitors" | "Gateway" | "Agent" | "Targets";

export interface Station {
  name: StationName;
  tone: Tone;
  /** The state in a word, for those who do not see the colour. */
  word: string;
  /** One or two short lines under the name. */
  lines: string[];
}

/** A piece of the line between two stations. */
export interface Hop {
  name: string;
  state: "carries" | "idle" | "forming" | "broken" | "unknown";
  /** What flows on it. */
  figures: string[];
  /** Why it is broken, as a sentence that says what to change. */
  reason?: string;
}

export interface Path {
  stations: [Station, Station, Station, Station];
  hops: [Hop, Hop, Hop];
}

/** What the picture shows: the line is broken at the first hop that does not carry. */
export function pathOf(status: Status, stats: LiveStats | undefined, mappings: readonly Mapping[]): Path {
  const up = status.connectionStatus === "Connected";
  const rate = stats?.requestsPerSecond ?? 0;
  const flow: Hop["state"] = up ? (rate > 0 ? "carries" : "idle") : "unknown";
  return {
    stations: [visitors(stats, up), gateway(status, up), agent(status), targets(mappings, up)],
    hops: [
      { name: "Requests", state: flow, figures: up && stats ? [`${short(rate)} req/s`] : [] },
      tunnel(status, flow),
      toTargets(mappings, flow, stats),
    ],
  };
}

function visitors(stats: LiveStats | undefined, up: boolean): Station {
  const count = stats?.requests ?? 0;
  return {
    name: "Visitors",
    tone: up && count > 0 ? "good" : "unknown",
    word: count > 0 ? "seen" : "none",
    lines: [stats ? `${count.toLocaleString("en-US")} requests` : "", "in 15 min"].filter(Boolean),
  };
}

function gateway(status: Status, up: boolean): Station {
  const lines = [gatewayName(status.gatewayUrl)];
  if (status.gatewayVersion) {
    const uptime = up && status.gatewayUptime !== null ? ` · up ${duration(status.gatewayUptime)}` : "";
    lines.push(version(status.gatewayVersion) + uptime);
  }
  return { name: "Gateway", tone: up ? "good" : "unknown", word: up ? "reached" : "not reached", lines };
}

function tunnel(status: Status, flow: Hop["state"]): Hop {
  const { tone } = CONNECTION[status.connectionStatus];
  const base = { name: "Tunnel" };
  if (status.connectionStatus === "Connected") {
    const links = status.links.length;
    const figures = [
      status.transport ?? "",
      `${links} ${links === 1 ? "link" : "links"}`,
      status.roundTripMs === null ? "" : milliseconds(status.roundTripMs),
    ];
    return { ...base, state: flow, figures: figures.filter(Boolean) };
  }
  const failed = status.connectionStatus === "Disconnected" || status.connectionStatus === "Reconnecting";
  if (!failed && tone === "moving") {
    return { ...base, state: "forming", figures: [`${status.connectionStatus.toLowerCase()}…`] };
  }
  const reason = status.lastError ?? "The agent is not connected to its gateway.";
  return { ...base, state: "broken", figures: [], reason };
}

function agent(status: Status): Station {
  const lines = [version(status.version)];
  if (status.uptimeSeconds !== null) lines.push(`connected ${duration(status.uptimeSeconds)}`);
  return { name: "Agent", tone: "good", word: "running", lines };
}

function counted(mappings: readonly Mapping[]): { enabled: number; down: Mapping[] } {
  const enabled = mappings.filter((mapping) => mapping.enabled);
  return { enabled: enabled.length, down: enabled.filter((mapping) => mapping.live.state === "target_down") };
}

function targets(mappings: readonly Mapping[], up: boolean): Station {
  const { enabled, down } = counted(mappings);
  const base = { name: "Targets" } as const;
  if (enabled === 0) return { ...base, tone: "unknown", word: "none", lines: ["no active mapping"] };
  const total = `${enabled} active ${enabled === 1 ? "mapping" : "mappings"}`;
  if (down.length > 0) {
    const tone = down.length === enabled ? "bad" : "warn";
    return {
      ...base,
      tone,
      word: "down",
      lines: [total, `${down.length} ${down.length === 1 ? "target" : "targets"} down`],
    };
  }
  return { ...base, tone: up ? "good" : "unknown", word: up ? "no failure" : "unknown", lines: [total] };
}

function toTargets(mappings: readonly Mapping[], flow: Hop["state"], stats: LiveStats | undefined): Hop {
  const { enabled, down } = counted(mappings);
  const name = "Targets";
  const [first] = down;
  if (enabled === 0) return { name, state: "unknown", figures: [] };
  const figures = flow !== "unknown" && stats ? [bytesPerSecond(stats.bytesPerSecond)] : [];
  if (!first) return { name, state: flow, figures };
  const reason = `${first.name}: ${first.live.reason ?? "the target does not answer."}`;
  const more = down.length > 1 ? ` And ${down.length - 1} more.` : "";
  if (down.length === enabled) return { name, state: "broken", figures: [], reason: reason + more };
  return { name, state: flow, figures, reason: reason + more };
}
