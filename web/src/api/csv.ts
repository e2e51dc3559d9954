/** Counts the records of a CSV text without its head, and reads the last one's id, which is its first cell. */
export function lastId(text: string): { id: number | undefined; rows: number } {
  let rows = 0;
  let start = 0;
  let last = "";
  let quoted = false;
  for (let at = 0; at <= text.length; at += 1) {
    const letter = text[at];
    if (letter === '"') quoted = !quoted;
    if ((letter === "\n" && !quoted) || at === text.length) {
      const record = text.slice(start, at).trim();
      if (record) {
        rows += 1;
        last = record;
      }
      start = at + 1;
    }
  }
  const id = Number.parseInt(last, 10);
  return { id: Number.isNaN(id) ? undefined : id, rows };
}

/** Hands a file to the browser's downloads. */
export function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // Some browsers begin to read only after the click has been handled.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
