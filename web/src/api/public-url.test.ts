import { expect, it } from "vitest";
import { previewUrl, publicName, targetUrl } from "./public-url";

it("previews https behind a gateway that is dialled by wss", () => {
  expect(previewUrl("app.example.com", "/", "wss://gw.example.com/tunnel")).toBe("https://app.example.com/");
  expect(previewUrl("app.example.com", "/api", "wss://gw.example.com:8443/tunnel")).toBe(
    "https://app.example.com/api",
  );
});

it("previews the plain port of a gateway that is dialled by ws", () => {
  expect(previewUrl("hello.localhost", "", "ws://127.0.0.1:17200/tunnel")).toBe(
    "http://hello.localhost:17200/",
  );
  expect(previewUrl("hello.localhost", "/", "ws://gw.lan/tunnel")).toBe("http://hello.localhost/");
});

it("previews https while the gateway is not known", () => {
  expect(previewUrl("app.example.com", "/", undefined)).toBe("https://app.example.com/");
  expect(previewUrl("app.example.com", "/", "nonsense")).toBe("https://app.example.com/");
});

it("names what visitors type and what the agent dials", () => {
  expect(publicName({ externalDomain: "a.example", pathPrefix: "/" })).toBe("a.example");
  expect(publicName({ externalDomain: "a.example", pathPrefix: "/x" })).toBe("a.example/x");
  expect(targetUrl({ internalProtocol: "Https", internalHost: "nas", internalPort: 443 })).toBe(
    "https://nas:443",
  );
  expect(targetUrl({ internalProtocol: "Http", internalHost: "fd00::1", internalPort: 80 })).toBe(
    "http://[fd00::1]:80",
  );
});
