import { useMutation } from "@tanstack/react-query";
import { Plug } from "lucide-react";
import type { ReactNode } from "react";
import { checkTarget } from "../api/mappings";
import type { TargetCheck } from "../api/model";
import { messageOf, Problem } from "../api/problem";
import { Button } from "../ui/button";
import { milliseconds } from "../ui/format";
import { StateDot } from "../ui/state";
import { type DraftErrors, inputOf, type MappingDraft, placed, targetErrors } from "./mapping-draft";

/** Lets the agent dial the target as it stands in the form, and answers in place. */
export function TestTarget({
  draft,
  onInvalid,
}: {
  draft: MappingDraft;
  onInvalid: (errors: DraftErrors) => void;
}): ReactNode {
  const input = inputOf(draft);
  const target = `${input.internalProtocol}|${input.internalHost}|${input.internalPort}|${input.allowInvalidCertificates}`;
  const check = useMutation({
    mutationFn: async () => {
      const { internalHost, internalPort } = input;
      const { internalProtocol = "Http", allowInvalidCertificates = false } = input;
      const body = { internalHost, internalPort, internalProtocol, allowInvalidCertificates };
      return { target, answer: await checkTarget(body) };
    },
    onError: (error) => {
      if (error instanceof Problem) onInvalid(placed(error.fields).errors);
    },
  });
  const run = () => {
    const wrong = targetErrors(draft);
    if (Object.keys(wrong).length > 0) onInvalid(wrong);
    else check.mutate();
  };
  // An answer about what no longer stands in the form would mislead.
  const answer = check.data?.target === target ? check.data.answer : undefined;
  return (
    <div className="flex flex-wrap items-start gap-x-4 gap-y-2">
      <Button icon={Plug} busy={check.isPending} onClick={run}>
        Test target
      </Button>
      <div role="status" className="min-w-0 flex-1 basis-64 pt-1.5 text-sm">
        {check.isPending && <span className="text-muted">The agent is dialling…</span>}
        {!check.isPending && answer && <Answer answer={answer} />}
        {check.isError && <span className="text-bad">{messageOf(check.error)}</span>}
      </div>
    </div>
  );
}

function Answer({ answer }: { answer: TargetCheck }): ReactNode {
  const facts = [
    answer.httpStatus === null ? null : `HTTP ${answer.httpStatus}`,
    answer.address,
    milliseconds(answer.durationMs),
  ];
  return (
    <div className="rise flex items-baseline gap-2">
      <StateDot tone={answer.state === "up" ? "good" : answer.state === "down" ? "bad" : "unknown"} />
      <div className="min-w-0 break-words">
        <p>{answer.message}</p>
        {answer.hint && <p className="text-muted">{answer.hint}</p>}
        <p className="figures text-xs text-muted">{facts.filter(Boolean).join(" · ")}</p>
      </div>
    </div>
  );
}
