import type { ReactNode } from "react";
import type { LiveStats } from "../../api/model";
import { Section } from "../../layout/page";
import { useRemembered } from "../../ui/remembered";
import { Segmented } from "../../ui/segmented";
import { Figures } from "./figures";
import { AgainstGoals } from "./goals";
import { HistoryCharts } from "./history";

const CHOICES = ["live", "24h", "7d", "30d"] as const;

/** Figures live or over a longer time, and what they should be. */
export function FiguresPart({ stats }: { stats: LiveStats | undefined }): ReactNode {
  const [choice, choose] = useRemembered("octoporty.dashboard-range", CHOICES);
  return (
    <Section
      title="Figures"
      actions={
        <Segmented
          label="Range"
          value={choice}
          onValue={choose}
          options={[
            { value: "live", label: "15 min" },
            { value: "24h", label: "24 h" },
            { value: "7d", label: "7 d" },
            { value: "30d", label: "30 d" },
          ]}
        />
      }
    >
      {choice === "live" ? <Figures stats={stats} /> : <HistoryCharts range={choice} />}
      <AgainstGoals range={choice === "live" ? "24h" : choice} />
    </Section>
  );
}
