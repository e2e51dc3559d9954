import { describe, expect, it } from "vitest";
import { sampleMapping } from "../mock-api/samples";
import { draftOf, inputOf, missing, NEW_DRAFT, placed, targetErrors } from "./mapping-draft";

const whole = { ...NEW_DRAFT, name: "App", externalDomain: "app.example.com" };

describe("a draft", () => {
  it.each(["keep", "target", "app.internal"])(
    "comes back as the mapping it was made of (Host %s)",
    (hostHeader) => {
      const mapping = sampleMapping(
        {
          hostHeader,
          pathPrefix: "/x",
          stripPrefix: true,
          internalProtocol: "Https",
          allowInvalidCertificates: true,
        },
        Date.now(),
      );
      const input = inputOf(draftOf(mapping));
      for (const [field, value] of Object.entries(input)) expect(mapping).toHaveProperty(field, value);
    },
  );

  it("leaves out what has no meaning any more", () => {
    const input = inputOf({ ...whole, stripPrefix: true, allowInvalidCertificates: true });
    expect(input.stripPrefix).toBe(false);
    expect(input.allowInvalidCertificates).toBe(false);
  });

  it("is trimmed, and an empty prefix is the root", () => {
    const input = inputOf({ ...whole, name: " App ", externalDomain: " a.example ", pathPrefix: "  " });
    expect(input).toMatchObject({ name: "App", externalDomain: "a.example", pathPrefix: "/" });
  });
});

describe("what is missing", () => {
  it("is nothing in a whole draft", () => expect(missing(whole)).toEqual({}));

  it("is told at its field", () => {
    const draft = { ...NEW_DRAFT, internalHost: " ", internalPort: "0", hostHeader: "custom" as const };
    expect(Object.keys(missing(draft)).toSorted()).toEqual([
      "customHost",
      "externalDomain",
      "internalHost",
      "internalPort",
      "name",
    ]);
  });

  it.each(["", "0", "65536", "8o", "-1", "80.5", "123456"])(
    "includes a right port, not %j",
    (internalPort) => {
      expect(targetErrors({ ...whole, internalPort })).toHaveProperty("internalPort");
    },
  );

  it.each(["1", "80", " 443 ", "65535"])("takes port %j", (internalPort) => {
    expect(targetErrors({ ...whole, internalPort })).toEqual({});
  });
});

it("puts the server's messages at their fields and keeps the rest", () => {
  const { errors, rest } = placed({
    externalDomain: ["not a domain", "too long"],
    hostHeader: ["not a name"],
    policy: ["unknown"],
  });
  expect(errors).toEqual({ externalDomain: "not a domain too long", customHost: "not a name" });
  expect(rest).toEqual(["unknown"]);
});
