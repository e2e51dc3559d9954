import type { components } from "./schema";

/** The API's shapes under the names that the page uses. */
type Schemas = components["schemas"];

export type Mapping = Schemas["Mapping"];
export type MappingInput = Schemas["MappingInput"];
export type MappingState = Schemas["MappingState"];
export type Status = Schemas["Status"];
export type ConnectionStatus = Schemas["ConnectionStatus"];
export type LiveStats = Schemas["LiveStats"];
export type RequestLogEntry = Schemas["RequestLogEntry"];
export type GatewayUpdate = Schemas["GatewayUpdate"];
export type CaddyConfig = Schemas["CaddyConfig"];
export type CaddyRoute = Schemas["CaddyRoute"];
export type LandingPage = Schemas["LandingPage"];
export type TargetCheck = Schemas["TargetCheck"];
export type TestTargetInput = Schemas["TestTargetInput"];
export type Capabilities = Schemas["Capabilities"];
export type ProblemBody = Schemas["Problem"];
export type ConsoleEvent = Schemas["ConsoleEvent"];
