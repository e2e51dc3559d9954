/** Figures and times as people read them. Sizes are binary, rates per second. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : short(value)} ${UNITS[unit]}`;
}

export function bytesPerSecond(count: number): string {
  return `${bytes(count)}/s`;
}

/** Three significant figures at most: 0.25, 4.1, 38, 1,240. */
export function short(value: number): string {
  if (value === 0) return "0";
  if (Math.abs(value) < 1) return value.toFixed(2);
  if (Math.abs(value) < 10) return value.toFixed(1);
  return Math.round(value).toLocaleString("en-US");
}

export function percent(share: number): string {
  const value = share * 100;
  // 99.96 % must not be shown as 100 %: a failure happened.
  const shown = value >= 99.95 && value < 100 ? Math.floor(value * 100) / 100 : Number(value.toFixed(1));
  return `${shown} %`;
}

/** Two places, rounded down: a share that misses its target is not shown as the target. */
export function precisePercent(share: number): string {
  return `${Math.floor(share * 10_000 + 1e-9) / 100} %`;
}

export function milliseconds(ms: number): string {
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${short(ms / 1_000)} s`;
  return duration(ms / 1_000);
}

/** `3 d 4 h`, `12 min`, `40 s`: the two largest units that say something. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), "d"],
    [Math.floor(whole / 3_600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "min"],
    [whole % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first === 2 ? first + 1 : first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}

/** `m:ss`, for a countdown. */
export function countdown(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export function ago(at: number, now: number): string {
  const seconds = Math.round((now - at) / 1_000);
  if (seconds < 2) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

const ABSOLUTE = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

export function absolute(at: number): string {
  return ABSOLUTE.format(at);
}

/** `v1.2.3`, whatever the other side puts before the figure. */
export function version(text: string): string {
  return `v${text.replace(/^v/, "")}`;
}
