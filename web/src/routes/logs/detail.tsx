import { type ReactNode, useState } from "react";
import { lineText } from "../../api/logs";
import type { LogEntry } from "../../api/model";
import { Button } from "../../ui/button";
import { CopyButton } from "../../ui/copy-button";
import { Facts } from "../../ui/drawer";
import { absolute, short } from "../../ui/format";
import { LevelChip } from "../../ui/level-chip";
import { cut, LogText } from "../../ui/log-text";
import { Ago } from "../../ui/time";

/** A text of more characters is shown on demand: some megabytes in one paragraph stop a browser. */
const MOST_SHOWN = 4_000;

/** Everything that a line of the log says. */
export function LogDetail({ entry }: { entry: LogEntry }): ReactNode {
  const fields = Object.entries(entry.fields);
  return (
    <>
      <p className="flex flex-wrap items-center gap-x-3 gap-y-1 text-sm">
        <LevelChip level={entry.level} />
        <time dateTime={entry.timestamp}>{absolute(Date.parse(entry.timestamp))}</time>
        <Ago at={entry.timestamp} className="text-muted" />
        <span className="ml-auto">
          <CopyButton text={lineText(entry)} label="Copy the line" />
        </span>
      </p>
      <LongText text={entry.message} />
      <h3 className="mt-6 mb-1 text-sm font-semibold">Fields</h3>
      <Facts
        label="Fields"
        facts={[
          ["id", <code key="id">{entry.id}</code>],
          ["timestamp", <code key="at">{entry.timestamp}</code>],
          ...fields.map(
            ([name, value]) => [name, <FieldValue key={name} name={name} text={value} />] as const,
          ),
        ]}
      />
    </>
  );
}

function FieldValue({ name, text }: { name: string; text: string }): ReactNode {
  return (
    <span className="flex items-start gap-1">
      <code className="min-w-0 flex-1 break-all whitespace-pre-wrap">
        <LogText text={cut(text, MOST_SHOWN)} lines="kept" />
        {text.length > MOST_SHOWN && "…"}
      </code>
      <CopyButton text={text} label={`Copy ${name}`} className="-my-1.5" />
    </span>
  );
}

function LongText({ text }: { text: string }): ReactNode {
  const [whole, setWhole] = useState(false);
  const shown = whole ? text : cut(text, MOST_SHOWN);
  const left = text.length - shown.length;
  return (
    <>
      <pre className="mt-3 rounded-md border bg-ground px-3 py-2 text-sm break-words whitespace-pre-wrap">
        <LogText text={shown} lines="kept" />
      </pre>
      {left > 0 && (
        <Button className="mt-2" onClick={() => setWhole(true)}>
          Show {short(left)} more characters
        </Button>
      )}
    </>
  );
}
