import type { ReactNode } from "react";
import type { Diagnosis, Difference, InspectedProbe } from "../../api/model";
import { Section } from "../../layout/page";
import { cx } from "../../ui/classes";
import { bytes, milliseconds } from "../../ui/format";
import { Notice } from "../../ui/notice";

type SideName = "gateway" | "agent";

/** One side's answer, or why there is none. */
export function Side({ title, side, found }: { title: string; side: SideName; found: Diagnosis }): ReactNode {
  const probe = found[side];
  return (
    <Section title={title} className="min-w-0">
      {probe.error && (
        <Notice tone="bad" title={probe.error} className="mb-3">
          {probe.hint}
          <span className="block font-mono text-xs">
            {probe.code}
            {probe.madeByGateway && ", said by the gateway"}
          </span>
        </Notice>
      )}
      {probe.detour && (
        <p className="mb-3 text-sm break-words text-muted">
          Reached by the gateway's address. {probe.detour}
        </p>
      )}
      <Facts probe={probe} differences={found.differences} />
      {probe.success && <Headers side={side} probe={probe} differences={found.differences} />}
      {probe.success && <Body probe={probe} differences={found.differences} />}
    </Section>
  );
}

function Facts({
  probe,
  differences,
}: {
  probe: InspectedProbe;
  differences: readonly Difference[];
}): ReactNode {
  const { timing } = probe;
  const steps: [string, number | null][] = [
    ["DNS", timing.dnsMs],
    ["connect", timing.connectMs],
    ["TLS", timing.tlsMs],
    ["first byte", timing.firstByteMs],
    ["total", timing.totalMs],
  ];
  const taken = steps.filter(([, ms]) => ms !== null).map(([name, ms]) => `${name} ${milliseconds(ms ?? 0)}`);
  const status = differences.some((one) => one.kind === "status");
  const rows: [string, ReactNode][] = [];
  if (probe.success) {
    rows.push([
      "Status",
      <span key="status" className="figures">
        {probe.statusCode} <span className="text-muted">{probe.httpVersion}</span> {status && <Differs />}
      </span>,
    ]);
    rows.push(["Duration", milliseconds(probe.durationMs)]);
    rows.push(["Content-Type", probe.contentType ?? "none"]);
    rows.push(["Body Size", sizeOf(probe)]);
  }
  if (probe.dialled) {
    const address = probe.address ? ` (${probe.address})` : "";
    rows.push([
      "Dialled",
      <span key="dialled" className="font-mono text-xs">{`${probe.dialled}${address}`}</span>,
    ]);
    rows.push(["Steps", taken.join(", ")]);
  }
  if (probe.request) {
    const { method, path, host } = probe.request;
    rows.push([
      "Asked",
      <span key="asked" className="font-mono text-xs">{`${method} ${path} · Host: ${host}`}</span>,
    ]);
  }
  return (
    <dl className="grid grid-cols-[6.5rem_minmax(0,1fr)] gap-x-3 gap-y-1 border-t pt-2 text-sm">
      {rows.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-muted">{name}</dt>
          <dd className="break-words">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function sizeOf(probe: InspectedProbe): string {
  const read = bytes(probe.bodySize);
  return probe.bodyTruncated ? `more than ${read}` : read;
}

function Differs({ only = false }: { only?: boolean }): ReactNode {
  return <span className="ml-1 rounded-sm px-1 text-xs text-warn">{only ? "only here" : "differs"}</span>;
}

function Headers({
  side,
  probe,
  differences,
}: {
  side: SideName;
  probe: InspectedProbe;
  differences: readonly Difference[];
}): ReactNode {
  const other = side === "gateway" ? "agent" : "gateway";
  const lines = Object.entries(probe.headers).flatMap(([name, values]) =>
    values.map((value, index) => ({ key: `${name} ${index}`, name, value })),
  );
  return (
    <>
      <h3 className="mt-4 mb-1.5 text-sm font-medium">Headers</h3>
      <table
        aria-label="Headers"
        className="w-full table-fixed border-separate border-spacing-0 border-t text-xs"
      >
        <colgroup>
          <col className="w-2/5" />
          <col />
        </colgroup>
        <thead className="sr-only">
          <tr>
            <th>Header</th>
            <th>Value</th>
          </tr>
        </thead>
        <tbody>
          {lines.map(({ key, name, value }) => {
            const differs = differences.find((one) => one.kind === "header" && one.name === name);
            return (
              <tr
                key={key}
                className={cx("[&>*]:border-b [&>*]:py-1 [&>*]:align-top", differs && "bg-warn-wash")}
              >
                <th scope="row" className="pr-2 pl-1 text-left font-mono font-normal break-words text-muted">
                  {name}
                  {differs && <Differs only={differs[other] === null} />}
                </th>
                <td className="pr-1 font-mono break-words whitespace-pre-wrap">{value}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </>
  );
}

/** As text and nothing else: what a target sends is never run here. */
function Body({
  probe,
  differences,
}: {
  probe: InspectedProbe;
  differences: readonly Difference[];
}): ReactNode {
  const differs = differences.some((one) => one.kind === "body");
  const text = probe.bodyText ?? probe.bodyBase64 ?? "";
  const notes = [
    probe.bodyBase64 !== null && probe.bodySize > 0 && "Not text; shown in base64.",
    probe.bodyTruncated && `Cut after ${bytes(probe.bodySize)}.`,
    probe.bodyError && `Incomplete: ${probe.bodyError}.`,
  ].filter(Boolean);
  return (
    <section aria-label="Body" className="mt-4">
      <h3 className="text-sm font-medium">
        Body {differs && <Differs />}
        {notes.length > 0 && <span className="ml-1 font-normal text-muted">{notes.join(" ")}</span>}
      </h3>
      {text === "" ? (
        <p className="mt-1 text-sm text-muted">Empty.</p>
      ) : (
        <pre
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by the keyboard.
          tabIndex={0}
          className="mt-1.5 max-h-96 overflow-auto rounded-md border bg-surface p-3 font-mono text-xs break-words whitespace-pre-wrap"
        >
          {text}
        </pre>
      )}
    </section>
  );
}
