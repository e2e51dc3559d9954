import { type KeyboardEvent, memo, type ReactNode, useDeferredValue, useId, useRef } from "react";
import { cx } from "./classes";
import { type TokenKind, tokens } from "./html-tokens";

/** Longer sources are edited without colours: tokens by the ten thousand make typing slow. */
const COLOUR_MAX = 120_000;

const COLOUR: Record<TokenKind, string> = {
  text: "",
  tag: "text-accent",
  name: "text-warn",
  value: "text-good",
  comment: "text-muted italic",
};

/** The layers must break lines and letters alike, or the caret leaves its letter. */
const LAYER =
  "m-0 min-h-full min-w-full p-3 font-mono text-xs leading-5 whitespace-pre [tab-size:2] [font-variant-ligatures:none]";

interface HtmlEditorProps {
  label: string;
  value: string;
  onValue: (value: string) => void;
  error?: string | undefined;
}

/** A plain text area (so that every browser, keyboard and screen reader knows it) over a coloured copy of its text. */
export function HtmlEditor({ label, value, onValue, error }: HtmlEditorProps): ReactNode {
  const id = useId();
  const coloured = value.length <= COLOUR_MAX;
  return (
    <div className="flex min-w-0 flex-col">
      <label htmlFor={id} className="mb-1.5 text-sm font-medium">
        {label}
      </label>
      <div
        className={cx(
          "h-[22rem] overflow-auto rounded-md border bg-surface focus-within:outline-2 focus-within:-outline-offset-1 focus-within:outline-accent lg:h-[28rem]",
          error ? "border-bad" : "border-line-strong/70",
        )}
      >
        <div className="flex min-h-full w-max min-w-full">
          <LineNumbers count={value.split("\n").length} />
          <div className="relative grid min-w-0 flex-1">
            {coloured && <Coloured source={value} />}
            <Area id={id} value={value} onValue={onValue} error={error} clear={coloured} />
          </div>
        </div>
      </div>
      {error && (
        <p id={`${id}-error`} className="mt-1.5 text-sm text-bad">
          {error}
        </p>
      )}
    </div>
  );
}

interface AreaProps {
  id: string;
  value: string;
  onValue: (value: string) => void;
  error: string | undefined;
  /** Whether the coloured copy shows the letters. */
  clear: boolean;
}

function Area({ id, value, onValue, error, clear }: AreaProps): ReactNode {
  const leaving = useRef(false);
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    // Tab indents; Escape first lets it leave the field, as keyboard users expect of editors.
    if (event.key === "Escape") leaving.current = true;
    if (event.key !== "Tab" || event.shiftKey || leaving.current) return;
    event.preventDefault();
    const area = event.currentTarget;
    area.setRangeText("  ", area.selectionStart, area.selectionEnd, "end");
    onValue(area.value);
  };
  return (
    <textarea
      id={id}
      value={value}
      onChange={(event) => onValue(event.target.value)}
      onKeyDown={onKeyDown}
      onBlur={() => {
        leaving.current = false;
      }}
      wrap="off"
      rows={value.split("\n").length + 1}
      spellCheck={false}
      autoCapitalize="off"
      autoCorrect="off"
      aria-invalid={error ? true : undefined}
      aria-describedby={error ? `${id}-error` : undefined}
      title="Tab indents; Escape, then Tab leaves the editor"
      className={cx(
        LAYER,
        "col-start-1 row-start-1 block resize-none overflow-hidden bg-transparent outline-none [field-sizing:content]",
        clear && "text-transparent caret-ink",
      )}
    />
  );
}

const LineNumbers = memo(function LineNumbers({ count }: { count: number }): ReactNode {
  const lines = Array.from({ length: count }, (_, index) => index + 1).join("\n");
  return (
    <pre
      aria-hidden="true"
      className="figures sticky left-0 z-10 m-0 border-r bg-surface py-3 pr-2 pl-3 text-right text-xs leading-5 text-muted select-none"
    >
      {lines}
    </pre>
  );
});

const Coloured = memo(function Coloured({ source }: { source: string }): ReactNode {
  const shown = useDeferredValue(source);
  // Letters that are typed are drawn at once, if need be without their colour; the colours follow.
  const pieces = shown === source ? tokens(source) : [{ kind: "text" as const, text: source }];
  return (
    <pre aria-hidden="true" className={cx(LAYER, "pointer-events-none col-start-1 row-start-1")}>
      {pieces.map((piece, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no identity but their place.
        <span key={index} className={COLOUR[piece.kind]}>
          {piece.text}
        </span>
      ))}
      {"\n"}
    </pre>
  );
});
