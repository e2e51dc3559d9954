import { describe, expect, it } from "vitest";
import { tokens } from "./html-tokens";

const joined = (source: string) =>
  tokens(source)
    .map((token) => token.text)
    .join("");

describe("colours of HTML", () => {
  it("tells tags, attributes, values, comments and text apart", () => {
    expect(tokens(`<p class="a" hidden>hi</p><!-- c -->`)).toEqual([
      { kind: "tag", text: "<p" },
      { kind: "text", text: " " },
      { kind: "name", text: "class" },
      { kind: "tag", text: "=" },
      { kind: "value", text: `"a"` },
      { kind: "text", text: " " },
      { kind: "name", text: "hidden" },
      { kind: "tag", text: ">" },
      { kind: "text", text: "hi" },
      { kind: "tag", text: "</p>" },
      { kind: "comment", text: "<!-- c -->" },
    ]);
  });

  it.each([
    "",
    "a < b && c > d",
    "<",
    "<p",
    `<p class="open`,
    "<!-- never closed",
    "<p/><br / ><a href='x'>",
    "<style>a > b { color: red }</style>\n\n",
    "ümläut 😀 <b>ß</b>",
    `<a b=c/d e = "f>g">`,
  ])("never change the text: %j", (source) => expect(joined(source)).toBe(source));

  it("never change any text of a random walk", () => {
    const letters = [..."<>/=\"' !-ab\n\t&"];
    let seed = 7;
    for (let round = 0; round < 400; round += 1) {
      let source = "";
      for (let at = 0; at < 40; at += 1) {
        seed = (seed * 48_271) % 2_147_483_647;
        source += letters[seed % letters.length];
      }
      expect(joined(source), JSON.stringify(source)).toBe(source);
    }
  });
});
