/** What a piece of HTML is, for its colour. */
export type TokenKind = "text" | "tag" | "name" | "value" | "comment";

export interface Token {
  kind: TokenKind;
  text: string;
}

const PIECES = /<!--[\s\S]*?(?:-->|$)|<!?\/?[a-zA-Z][^\s/>]*|\/?>|[^<]+|</g;
const IN_TAG = /"[^"]*"?|'[^']*'?|[^\s"'=>/]+|\s+|[=/]|>/g;

/**
 * Cuts HTML into coloured pieces. Their texts joined are the source again, whatever is in it: the coloring lies under
 * the text that is edited and must never move it.
 */
export function tokens(source: string): Token[] {
  const found: Token[] = [];
  const push = (kind: TokenKind, text: string) => {
    const last = found.at(-1);
    if (last?.kind === kind) last.text += text;
    else if (text) found.push({ kind, text });
  };
  let at = 0;
  while (at < source.length) {
    PIECES.lastIndex = at;
    const piece = PIECES.exec(source)?.[0] ?? source.slice(at);
    at += piece.length;
    if (piece.startsWith("<!--")) push("comment", piece);
    else if (/^<!?\/?[a-zA-Z]/.test(piece)) {
      push("tag", piece);
      at = insideTag(source, at, push);
    } else push("text", piece);
  }
  return found;
}

function insideTag(source: string, start: number, push: (kind: TokenKind, text: string) => void): number {
  let at = start;
  while (at < source.length) {
    IN_TAG.lastIndex = at;
    const piece = IN_TAG.exec(source)?.[0] ?? source.slice(at);
    at += piece.length;
    if (piece === ">") {
      push("tag", piece);
      return at;
    }
    if (piece === "/" || piece === "=") push("tag", piece);
    else if (/^["']/.test(piece)) push("value", piece);
    else push(/^\s/.test(piece) ? "text" : "name", piece);
  }
  return at;
}
