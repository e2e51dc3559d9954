import { render } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { cut, LogText } from "./log-text";

const shown = (text: string, lines?: "kept" | "shown") =>
  render(<LogText text={text} {...(lines ? { lines } : {})} />).container;

describe("a text of a log", () => {
  it("stays text", () => {
    const box = shown('<img src=x onerror="alert(1)"> &amp; <script>1</script>');
    expect(box.children).toHaveLength(0);
    expect(box.textContent).toBe('<img src=x onerror="alert(1)"> &amp; <script>1</script>');
  });

  it("shows characters that would steer or hide", () => {
    expect(shown("\u001b[31mred\u0000\u202etxt.exe\u200b").textContent).toBe(
      "\\e[31mred\\x00\\u{202e}txt.exe\\u{200b}",
    );
    expect(shown("a\nb\tc").textContent).toBe("a↵b⇥c");
    expect(shown("a\nb\tc\r", "kept").textContent).toBe("a\nb\tc\\r");
    expect(shown("größe 漢字 🐙").textContent).toBe("größe 漢字 🐙");
  });

  it("is never cut within a character", () => {
    expect(cut("ab🐙", 3)).toBe("ab");
    expect(cut("ab🐙", 4)).toBe("ab🐙");
  });
});
