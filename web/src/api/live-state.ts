import type { Tone } from "../ui/state";
import type { ConnectionStatus, Mapping } from "./model";

/** How the connection stands, as a word and what it means. */
export const CONNECTION: Record<ConnectionStatus, { word: string; tone: Tone }> = {
  Connected: { word: "ONLINE", tone: "good" },
  Disconnected: { word: "OFFLINE", tone: "bad" },
  Connecting: { word: "CONNECTING", tone: "moving" },
  Authenticating: { word: "AUTHENTICATING", tone: "moving" },
  Syncing: { word: "SYNCING", tone: "moving" },
  Reconnecting: { word: "RECONNECTING", tone: "moving" },
};

interface MappingWord {
  tone: Tone;
  word: string;
  /** Why, when there is more to say than the word. */
  reason: string | null;
}

/** The live state of a mapping in a word. */
export function mappingWord({ live, sync }: Pick<Mapping, "live" | "sync">): MappingWord {
  const { reason } = live;
  switch (live.state) {
    case "ok":
      return { tone: "good", word: "OK", reason };
    case "target_down":
      return { tone: "bad", word: "Target down", reason };
    case "refused":
      return { tone: "bad", word: "Refused", reason: reason ?? sync.reason };
    case "agent_away":
      return { tone: "warn", word: "Agent away", reason };
    case "disabled":
      return { tone: "unknown", word: "Disabled", reason };
    case "unknown":
      return sync.state === "pending"
        ? {
            tone: "moving",
            word: "Syncing",
            reason: reason ?? "Stored here; the gateway has not acknowledged it yet.",
          }
        : { tone: "unknown", word: "Not tried yet", reason };
  }
}
