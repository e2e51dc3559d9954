import { Upload } from "lucide-react";
import { type DragEvent, type ReactNode, useRef, useState } from "react";
import { Button } from "../../ui/button";
import { cx } from "../../ui/classes";

/** Takes one file, by the button or by dropping it. */
export function DropZone({ onFile }: { onFile: (file: File) => void }): ReactNode {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const take = (files: FileList | null | undefined) => {
    const file = files?.[0];
    if (file) onFile(file);
  };
  const drag = (event: DragEvent) => {
    event.preventDefault();
    setOver(event.type === "dragover");
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way; the button inside is for everybody.
    <div
      data-drop-zone
      onDragOver={drag}
      onDragLeave={drag}
      onDrop={(event) => {
        drag(event);
        take(event.dataTransfer.files);
      }}
      className={cx(
        "flex flex-col items-center gap-3 rounded-md border border-dashed px-4 py-8 text-center transition-colors duration-100",
        over ? "border-accent bg-accent-wash" : "border-line-strong",
      )}
    >
      <Upload size={20} strokeWidth={1.75} aria-hidden="true" className="text-muted" />
      <p className="text-sm text-muted">Drop definitions (JSON) or a backup (SQLite) here, or</p>
      <Button onClick={() => input.current?.click()}>Choose file</Button>
      <input
        ref={input}
        type="file"
        aria-label="File to import"
        tabIndex={-1}
        accept=".json,.db,.sqlite,.sqlite3,application/json,application/x-sqlite3"
        onChange={(event) => {
          take(event.target.files);
          // The same file may be chosen again after it was changed.
          event.target.value = "";
        }}
        className="sr-only"
      />
    </div>
  );
}
