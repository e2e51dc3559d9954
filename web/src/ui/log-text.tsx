import type { ReactNode } from "react";

/** Characters that would steer a terminal, hide text or turn its direction: shown as what they are, never obeyed. */
const UNSEEN: readonly (readonly [from: number, to: number])[] = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x061c, 0x061c],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0xd800, 0xdfff],
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffb],
  [0xe0000, 0xe007f],
];

interface Piece {
  /** Where it begins in the text. */
  at: number;
  text: string;
  unseen: boolean;
}

function unseen(letter: string, lines: Lines): boolean {
  const code = letter.codePointAt(0) ?? 0;
  if (lines === "kept" && (letter === "\n" || letter === "\t")) return false;
  return UNSEEN.some(([from, to]) => code >= from && code <= to);
}

const SIGNS: Record<string, string> = { "\n": "↵", "\t": "⇥", "\r": "\\r", "\u001b": "\\e" };

function sign(letter: string): string {
  const code = letter.codePointAt(0) ?? 0;
  return (
    SIGNS[letter] ?? (code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`)
  );
}

/** Whether line breaks and tabs are kept, or shown as signs in a text of one line. */
type Lines = "kept" | "shown";

/** Cuts a text where characters begin and end that are not to be obeyed. */
export function pieces(text: string, lines: Lines): Piece[] {
  const found: Piece[] = [];
  let at = 0;
  for (const letter of text) {
    const last = found.at(-1);
    const hidden = unseen(letter, lines);
    const shown = hidden ? sign(letter) : letter;
    if (last && last.unseen === hidden) last.text += shown;
    else found.push({ at, text: shown, unseen: hidden });
    at += letter.length;
  }
  return found;
}

/** A text of unknown origin, as inert text. */
export function LogText({ text, lines = "shown" }: { text: string; lines?: Lines }): ReactNode {
  return pieces(text, lines).map((piece) =>
    piece.unseen ? (
      <span key={piece.at} className="rounded-sm bg-hover px-px text-muted">
        {piece.text}
      </span>
    ) : (
      piece.text
    ),
  );
}

/** The beginning of a text that is no longer than `most`, never half a character. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const code = text.charCodeAt(most - 1);
  return text.slice(0, code >= 0xd800 && code <= 0xdbff ? most - 1 : most);
}
