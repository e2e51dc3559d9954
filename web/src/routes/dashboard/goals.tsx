import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { RANGES, type Range, summaryQuery } from "../../api/history";
import { LoadError } from "../../layout/load-error";
import { duration, percent, precisePercent } from "../../ui/format";
import { Skeleton } from "../../ui/skeleton";
import { State, type Tone } from "../../ui/state";

/** The seconds that it takes to start weigh more than any outage until this many are recorded. */
const TELLING_SECONDS = 3_600;

/** Success rate and tunnel uptime of a range against what they should be: goals, since a target is a service. */
export function AgainstGoals({ range }: { range: Range }): ReactNode {
  const summary = useQuery(summaryQuery);
  const data = summary.data?.ranges.find((one) => one.range === range);
  if (summary.isError && !summary.data) {
    return <LoadError what="The comparison with the goals" query={summary} className="mt-5" />;
  }
  const { words } = RANGES[range];
  const targets = summary.data?.targets;
  const away = data ? data.observedSeconds - data.connectedSeconds : 0;
  return (
    <>
      <dl
        aria-label={`The last ${words} against the goals`}
        className="mt-6 grid grid-cols-1 gap-x-10 gap-y-3 border-y py-3 text-sm sm:grid-cols-2"
      >
        <Against
          name={`Success rate, ${words}`}
          share={data?.successRate}
          met={data?.successMet}
          goal={targets?.successRate}
          detail={data && counted(data.requests, data.errors)}
        />
        <Against
          name={`Tunnel uptime, ${words}`}
          share={data?.uptime}
          met={data?.uptimeMet}
          early={data !== undefined && data.observedSeconds < TELLING_SECONDS}
          goal={targets?.uptime}
          detail={
            data &&
            (data.observedSeconds < 1
              ? "not recorded yet"
              : `of ${duration(data.observedSeconds)} recorded${away >= 1 ? `, ${duration(away)} away` : ""}`)
          }
        />
      </dl>
      <p className="mt-2 max-w-4xl text-xs text-muted">
        A request failed when the gateway or the target could not answer it (5xx, or cut off); a 404 is an
        answer. Uptime is the share of the time that the agent ran in which its tunnel was connected. 95 of
        100 requests took no longer than p95.
      </p>
    </>
  );
}

function counted(requests: number, errors: number): string {
  if (requests === 0) return "no request yet";
  const number = (count: number) => count.toLocaleString("en-US");
  return errors === 0
    ? `${number(requests)} requests, none failed`
    : `${number(errors)} of ${number(requests)} failed`;
}

function verdict(met: boolean | null | undefined, early: boolean): [Tone, string] {
  if (met === true) return ["good", "Met"];
  if (met === false) return early ? ["unknown", "Too early to tell"] : ["bad", "Missed"];
  return ["unknown", "No data"];
}

function Against({
  name,
  share,
  met,
  early = false,
  goal,
  detail,
}: {
  name: string;
  share: number | null | undefined;
  met: boolean | null | undefined;
  /** Whether too little is recorded for a goal to be missed. */
  early?: boolean;
  goal: number | undefined;
  detail: string | undefined;
}): ReactNode {
  const [tone, word] = verdict(met, early);
  return (
    <div className="min-w-0">
      <dt className="text-muted">{name}</dt>
      <dd className="mt-0.5 flex min-w-0 flex-wrap items-baseline gap-x-3">
        {goal === undefined ? (
          <Skeleton className="w-40" />
        ) : (
          <>
            <span className="figures font-medium">
              {share === null || share === undefined ? "–" : precisePercent(share)}
            </span>
            <State tone={tone}>{word}</State>
            <span className="text-muted">
              goal {percent(goal)}
              {detail && ` · ${detail}`}
            </span>
          </>
        )}
      </dd>
    </div>
  );
}
